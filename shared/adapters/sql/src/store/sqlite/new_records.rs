//! Records that are new: their shadows and rows go in by many a statement.
//!
//! A statement on its own costs more than the row it writes: it is handed to the thread of the
//! connection and back. What is new needs no look at what stands there, once it is known that
//! nothing does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use shared::model::Entity;
use shared::time::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use crate::store::decode::{json_text, number};
use crate::store::jobs::Job;
use crate::store::prepared::{Cell, PreparedWrite, table};

/// Rows of one statement at most: twice as many gain nothing more.
const N_ROWS: usize = 64;

type Placed<'a> = (usize, &'a PreparedWrite);

/// Writes the shadows and rows of those among `jobs` whose records are new, and returns their
/// places. The others are left as they are: somebody was faster, or something stands there.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    jobs: &[Job],
    at: Timestamp,
) -> Result<HashSet<usize>, sqlx::Error> {
    let mut new = first_of_each(jobs);
    // One alone goes the way of any other. Ids that begin to stand for another row meanwhile must
    // find the references before them, and those behind must find the ids.
    if new.len() < 2 || jobs.iter().any(moves_ids) {
        return Ok(HashSet::new());
    }
    leave_out_known(connection, &mut new).await?;
    let aliases = aliases(connection, &new).await?;
    write_shadows(connection, &new).await?;
    let mut kinds: BTreeMap<(Entity, &[&str]), Vec<&PreparedWrite>> = BTreeMap::new();
    for (_, prepared) in &new {
        let kind = (prepared.write.entity, prepared.columns.as_slice());
        kinds.entry(kind).or_default().push(prepared);
    }
    for ((entity, columns), rows) in kinds {
        write_rows(connection, entity, columns, &rows, &aliases, at).await?;
    }
    Ok(new.into_iter().map(|(place, _)| place).collect())
}

/// Tells whether an id stands for another row behind `job`.
fn moves_ids(job: &Job) -> bool {
    let Job::Apply(prepared) = job else { return false };
    prepared.write.marks.was_named.is_some() || prepared.write.marks.merged_into.is_some()
}

/// Picks the writes of records that were never seen; of two for one record or row, the first.
fn first_of_each(jobs: &[Job]) -> Vec<Placed<'_>> {
    let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
    let applied = jobs.iter().enumerate().filter_map(|(place, job)| match job {
        Job::Apply(prepared) => Some((place, &**prepared)),
        _ => None,
    });
    let new = applied.filter(|(_, PreparedWrite { write, .. })| {
        write.shadow.revision == 0 && ids.insert(&write.entity_id) && keys.insert(&write.shadow.key)
    });
    new.collect()
}

/// Leaves out the writes whose shadow or row stands already.
async fn leave_out_known(
    connection: &mut SqliteConnection,
    new: &mut Vec<Placed<'_>>,
) -> Result<(), sqlx::Error> {
    let keys: Vec<[&str; 3]> = new
        .iter()
        .map(|(_, it)| &it.write.shadow.key)
        .map(|it| [it.connection.as_str(), it.object.as_str(), it.record_id.as_str()])
        .collect();
    let known: Vec<i64> = sqlx::query_scalar(
        "SELECT key FROM json_each(?1) JOIN sync_shadow ON connection = value ->> 0 \
         AND object = value ->> 1 AND record_id = value ->> 2",
    )
    .bind(json_text(&keys)?)
    .fetch_all(&mut *connection)
    .await?;
    let mut known: HashSet<usize> =
        known.into_iter().filter_map(|it| usize::try_from(it).ok()).collect();
    for entity in Entity::ALL {
        let of_entity = |(_, it): &&Placed<'_>| it.write.entity == entity;
        let ids: Vec<&str> =
            new.iter().filter(of_entity).map(|(_, it)| it.write.entity_id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        // The text is made of the name of the table alone.
        let sql = format!(
            "SELECT id FROM {} WHERE id IN (SELECT value FROM json_each(?1))",
            table(entity)
        );
        let stored: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(json_text(&ids)?)
            .fetch_all(&mut *connection)
            .await?;
        let stored: HashSet<&str> = stored.iter().map(String::as_str).collect();
        let is_stored = |it: &PreparedWrite| {
            it.write.entity == entity && stored.contains(it.write.entity_id.as_str())
        };
        let places = new.iter().enumerate().filter(|(_, (_, it))| is_stored(it));
        known.extend(places.map(|(place, _)| place));
    }
    let mut place = 0..;
    new.retain(|_| place.next().is_some_and(|it| !known.contains(&it)));
    Ok(())
}

fn is_reference(column: &str) -> bool {
    matches!(column, "account_id" | "contact_id")
}

/// Finds what the aliases among the references of `new` stand for.
async fn aliases(
    connection: &mut SqliteConnection,
    new: &[Placed<'_>],
) -> Result<HashMap<String, String>, sqlx::Error> {
    let cells = new.iter().flat_map(|(_, it)| it.columns.iter().zip(&it.cells));
    let references: HashSet<&str> = cells
        .filter_map(|(column, cell)| match cell {
            Cell::Text(id) if is_reference(column) => Some(id.as_str()),
            _ => None,
        })
        .collect();
    if references.is_empty() {
        return Ok(HashMap::new());
    }
    let stands_for: Vec<(String, String)> = sqlx::query_as(
        "SELECT alias, entity_id FROM id_aliases \
         WHERE alias IN (SELECT value FROM json_each(?1))",
    )
    .bind(json_text(&references)?)
    .fetch_all(connection)
    .await?;
    Ok(stands_for.into_iter().collect())
}

/// Splits `rows` so that few statements are enough for any number of them: each piece has a power
/// of two.
fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let n_rows = (1 << rows.len().checked_ilog2()?).min(N_ROWS);
        let (piece, rest) = rows.split_at_checked(n_rows)?;
        rows = rest;
        Some(piece)
    })
}

/// Spells `n_rows` lists of `n_columns` parameters each.
fn values(n_columns: usize, n_rows: usize) -> String {
    let row = format!("({}?)", "?, ".repeat(n_columns.saturating_sub(1)));
    format!("{}{row}", format!("{row}, ").repeat(n_rows.saturating_sub(1)))
}

/// The arguments of one statement.
#[derive(Default)]
struct Given(SqliteArguments);

impl Given {
    fn text(&mut self, text: &str) -> Result<(), sqlx::Error> {
        self.0.add(text.to_owned()).map_err(sqlx::Error::Encode)
    }

    fn text_or_null(&mut self, text: Option<&str>) -> Result<(), sqlx::Error> {
        self.0.add(text.map(str::to_owned)).map_err(sqlx::Error::Encode)
    }

    fn int(&mut self, value: i64) -> Result<(), sqlx::Error> {
        self.0.add(value).map_err(sqlx::Error::Encode)
    }
}

async fn write_shadows(
    connection: &mut SqliteConnection,
    new: &[Placed<'_>],
) -> Result<(), sqlx::Error> {
    for piece in pieces(new) {
        let mut given = Given::default();
        for (_, prepared) in piece {
            let shadow = &prepared.write.shadow;
            given.text(shadow.key.connection.as_str())?;
            given.text(shadow.key.object.as_str())?;
            given.text(shadow.key.record_id.as_str())?;
            given.text(&prepared.shadow_fields)?;
            given.int(shadow.version.as_millis())?;
            given.text(&prepared.field_versions)?;
            given.int(shadow.presence_version.as_millis())?;
            given.int(shadow.is_deleted.into())?;
            given.int(number(shadow.revision + 1))?;
            given.text_or_null(prepared.own_id())?;
            given.text_or_null(prepared.edits.as_deref())?;
        }
        let sql = format!(
            "INSERT INTO sync_shadow (connection, object, record_id, fields, version, \
             field_versions, presence_version, is_deleted, revision, entity_id, edits) VALUES {}",
            values(11, piece.len())
        );
        sqlx::query_with(AssertSqlSafe(sql), given.0).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes the rows of one kind that have the same columns.
async fn write_rows(
    connection: &mut SqliteConnection,
    entity: Entity,
    columns: &[&str],
    rows: &[&PreparedWrite],
    aliases: &HashMap<String, String>,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut names = String::new();
    for column in columns {
        let _ = write!(names, ", {column}");
    }
    for piece in pieces(rows) {
        let mut given = Given::default();
        for PreparedWrite { write, cells, .. } in piece {
            let key = &write.shadow.key;
            given.text(write.entity_id.as_str())?;
            given.text(key.connection.as_str())?;
            given.text(key.object.as_str())?;
            given.text(key.record_id.as_str())?;
            given.int(write.is_deleted.into())?;
            given.int(write.shadow.version.as_millis())?;
            given.int(at.as_millis())?;
            given.int(at.as_millis())?;
            for (column, cell) in columns.iter().zip(cells) {
                match cell {
                    Cell::Null => given.text_or_null(None)?,
                    Cell::Int(value) => given.int(*value)?,
                    Cell::Text(id) if is_reference(column) => {
                        given.text(aliases.get(id).unwrap_or(id))?;
                    }
                    Cell::Text(text) => given.text(text)?,
                }
            }
        }
        // The text is made of the names of `Entity::columns` alone.
        let sql = format!(
            "INSERT INTO {} (id, connection, object, record_id, is_deleted, version, created_at, \
             updated_at{names}) VALUES {}",
            table(entity),
            values(8 + columns.len(), piece.len())
        );
        sqlx::query_with(AssertSqlSafe(sql), given.0).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_every_row_in_order_and_are_of_few_sizes() {
        for n_rows in 0..300 {
            let rows: Vec<usize> = (0..n_rows).collect();
            let split: Vec<&[usize]> = pieces(&rows).collect();

            assert_eq!(split.concat(), rows);
            assert!(split.iter().all(|it| it.len().is_power_of_two() && it.len() <= N_ROWS));
            assert!(split.len() <= n_rows / N_ROWS + 6, "{n_rows} rows in {} pieces", split.len());
        }
    }

    #[test]
    fn values_have_one_parameter_a_column() {
        assert_eq!(values(2, 3), "(?, ?), (?, ?), (?, ?)");
        assert_eq!(values(1, 1), "(?)");
    }
}
