//! Records that are known: their shadows and rows are changed by many a statement.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use shared::model::Entity;
use shared::time::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::many::{Aliases, Given, Placed, first_of_each, moves_ids, pieces, values};
use crate::store::decode::number;
use crate::store::jobs::Job;
use crate::store::prepared::{PreparedWrite, table};

/// The number of the value that is of the first column, in what [`give_row`] gives.
const FIRST_COLUMN: usize = 5;

/// A write whose row stands, and which of its values differ.
#[derive(Clone, Copy)]
struct Changed<'a> {
    place: usize,
    prepared: &'a PreparedWrite,
    /// Bit 0 for deleted, then one bit a column.
    differences: i64,
}

/// Changes the shadows and rows of those among `jobs` whose records are known, and returns their
/// places. The others are left as they are: somebody was faster, or no row stands.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    jobs: &[Job],
    at: Timestamp,
) -> Result<HashSet<usize>, sqlx::Error> {
    let known = first_of_each(jobs, |it| it.write.shadow.revision > 0);
    // One alone goes the way of any other.
    if known.len() < 2 || jobs.iter().any(moves_ids) {
        return Ok(HashSet::new());
    }
    let aliases = Aliases::of(connection, &known).await?;
    let stored = compare(connection, &known, &aliases).await?;
    let changed = write_shadows(connection, &stored).await?;
    let mut kinds: BTreeMap<(Entity, &[&str], i64, bool), Vec<&PreparedWrite>> = BTreeMap::new();
    for Changed { prepared, differences, .. } in &changed {
        let write = &prepared.write;
        let kind = (write.entity, prepared.columns.as_slice(), *differences, write.audit.is_some());
        kinds.entry(kind).or_default().push(prepared);
    }
    for ((entity, columns, differences, is_audited), rows) in kinds {
        let sets = sets(columns, differences, is_audited);
        write_rows(connection, entity, &sets, &rows, &aliases, at).await?;
    }
    Ok(changed.into_iter().map(|it| it.place).collect())
}

/// Finds which values of `known` differ from the stored ones, and leaves out those of which no row
/// is stored.
async fn compare<'a>(
    connection: &mut SqliteConnection,
    known: &[Placed<'a>],
    aliases: &Aliases,
) -> Result<Vec<Changed<'a>>, sqlx::Error> {
    let mut kinds: BTreeMap<(Entity, &[&str]), Vec<Placed<'a>>> = BTreeMap::new();
    for (place, prepared) in known {
        let kind = (prepared.write.entity, prepared.columns.as_slice());
        kinds.entry(kind).or_default().push((*place, prepared));
    }
    let mut changed = Vec::with_capacity(known.len());
    for ((entity, columns), rows) in kinds {
        let mut bits = format!("(is_deleted IS NOT given.column{})", FIRST_COLUMN - 1);
        for (column, place) in columns.iter().zip(1..) {
            let number = FIRST_COLUMN - 1 + place;
            let _ = write!(bits, " | (({column} IS NOT given.column{number}) << {place})");
        }
        for piece in pieces(&rows) {
            let mut given = Given::default();
            for (_, prepared) in piece {
                give_row(&mut given, prepared, aliases, Timestamp::EPOCH)?;
            }
            // The text is made of the names of `Entity::columns` alone, here and below.
            let sql = format!(
                "SELECT id, {bits} FROM (VALUES {}) AS given \
                 JOIN {} ON id = given.column1",
                values(FIRST_COLUMN - 1 + columns.len(), piece.len()),
                table(entity)
            );
            let stored: Vec<(String, i64)> =
                sqlx::query_as_with(AssertSqlSafe(sql), given.into_arguments())
                    .fetch_all(&mut *connection)
                    .await?;
            let stored: HashMap<String, i64> = stored.into_iter().collect();
            changed.extend(piece.iter().filter_map(|(place, prepared)| {
                let differences = *stored.get(prepared.write.entity_id.as_str())?;
                Some(Changed { place: *place, prepared, differences })
            }));
        }
    }
    Ok(changed)
}

/// Gives the values of a row: id, version, now, deleted, then the columns.
fn give_row(
    given: &mut Given,
    prepared: &PreparedWrite,
    aliases: &Aliases,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let PreparedWrite { write, columns, cells, .. } = prepared;
    given.text(write.entity_id.as_str())?;
    given.int(write.shadow.version.as_millis())?;
    given.int(at.as_millis())?;
    given.int(write.is_deleted.into())?;
    columns.iter().zip(cells).try_for_each(|(column, cell)| given.cell(column, cell, aliases))
}

/// Writes the shadows whose revision is still the one that was read, and returns their writes.
async fn write_shadows<'a>(
    connection: &mut SqliteConnection,
    stored: &[Changed<'a>],
) -> Result<Vec<Changed<'a>>, sqlx::Error> {
    let mut changed = Vec::with_capacity(stored.len());
    for piece in pieces(stored) {
        let mut given = Given::default();
        for Changed { prepared, .. } in piece {
            let shadow = &prepared.write.shadow;
            given.text(shadow.key.connection.as_str())?;
            given.text(shadow.key.object.as_str())?;
            given.text(shadow.key.record_id.as_str())?;
            given.int(number(shadow.revision))?;
            given.text(prepared.shadow_fields.as_str())?;
            given.int(shadow.version.as_millis())?;
            given.text(prepared.field_versions.as_str())?;
            given.int(shadow.presence_version.as_millis())?;
            given.int(shadow.is_deleted.into())?;
            given.text_or_null(prepared.own_id())?;
            given.text_or_null(prepared.edits.as_deref())?;
        }
        let sql = format!(
            "UPDATE sync_shadow SET fields = given.column5, version = given.column6, \
             field_versions = given.column7, presence_version = given.column8, \
             is_deleted = given.column9, revision = revision + 1, entity_id = given.column10, \
             edits = given.column11 FROM (VALUES {}) AS given \
             WHERE connection = given.column1 AND object = given.column2 \
             AND record_id = given.column3 AND revision = given.column4 \
             RETURNING connection, object, record_id",
            values(11, piece.len())
        );
        let written: Vec<(String, String, String)> =
            sqlx::query_as_with(AssertSqlSafe(sql), given.into_arguments())
                .fetch_all(&mut *connection)
                .await?;
        let written: HashSet<_> = written
            .iter()
            .map(|(connection, object, id)| (connection.as_str(), object.as_str(), id.as_str()))
            .collect();
        changed.extend(piece.iter().copied().filter(|it| {
            let key = &it.prepared.write.shadow.key;
            written.contains(&(
                key.connection.as_str(),
                key.object.as_str(),
                key.record_id.as_str(),
            ))
        }));
    }
    Ok(changed)
}

/// Spells what is set where `differences` tells what differs: an index is only touched when one of
/// its columns is named.
fn sets(columns: &[&str], differences: i64, is_audited: bool) -> String {
    let differs = |bit: usize| differences >> bit & 1 == 1;
    let mut sets = "version = given.column2".to_owned();
    if is_audited {
        sets.push_str(", updated_at = given.column3");
    }
    if differs(0) {
        sets.push_str(", is_deleted = given.column4");
    }
    for (place, column) in columns.iter().enumerate().filter(|(place, _)| differs(place + 1)) {
        let _ = write!(sets, ", {column} = given.column{}", place + FIRST_COLUMN);
    }
    sets
}

/// Sets the same columns of many rows.
async fn write_rows(
    connection: &mut SqliteConnection,
    entity: Entity,
    sets: &str,
    rows: &[&PreparedWrite],
    aliases: &Aliases,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    for piece in pieces(rows) {
        let mut given = Given::default();
        for prepared in piece {
            give_row(&mut given, prepared, aliases, at)?;
        }
        let n_columns = piece.first().map_or(0, |it| it.columns.len());
        let sql = format!(
            "UPDATE {} SET {sets} FROM (VALUES {}) AS given WHERE id = given.column1",
            table(entity),
            values(FIRST_COLUMN - 1 + n_columns, piece.len())
        );
        sqlx::query_with(AssertSqlSafe(sql), given.into_arguments())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
