//! Applies the writes of a group: all shadows by one statement, then all rows of a kind by one.

use std::collections::{BTreeMap, HashSet};

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use shared::model::Entity;
use sqlx::{AssertSqlSafe, PgConnection};

use super::batch::encode;
use crate::store::batch::Batch;
use crate::store::decode::number;
use crate::store::prepared::{Cell, PreparedWrite, table};
use crate::store::text::marked;
use crate::store::two_way::postgres_marks;

type Placed<'a> = (usize, &'a PreparedWrite);

/// Applies `writes`, in order, unless their shadows are not the ones that were read; returns the
/// places of those that were applied.
pub(super) async fn apply(
    connection: &mut PgConnection,
    mut writes: Vec<Placed<'_>>,
    batch: &Batch<'_>,
) -> Result<Vec<usize>, sqlx::Error> {
    let mut applied = Vec::with_capacity(writes.len());
    while !writes.is_empty() {
        // No statement may touch a row twice: a second write of a record waits for the next round.
        let (round, later) = first_of_each(writes);
        let round = named(connection, round).await?;
        let written = write_shadows(connection, &round).await?;
        let round: Vec<_> =
            round.into_iter().filter(|(place, _)| written.contains(place)).collect();
        write_rows(connection, &round, batch.at().as_millis()).await?;
        for (_, prepared) in &round {
            postgres_marks::apply(connection, prepared, batch.at(), marked).await?;
        }
        applied.extend(round.into_iter().map(|(place, _)| place));
        writes = later;
    }
    Ok(applied)
}

fn first_of_each(writes: Vec<Placed<'_>>) -> (Vec<Placed<'_>>, Vec<Placed<'_>>) {
    let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
    writes.into_iter().partition(|(_, prepared)| {
        let write = &prepared.write;
        let is_first = !ids.contains(&write.entity_id) && !keys.contains(&write.shadow.key);
        if is_first {
            ids.insert(write.entity_id.clone());
            keys.insert(write.shadow.key.clone());
        }
        is_first
    })
}

/// Moves the shadows of records that were named to their new keys; leaves out those that cannot go
/// there, and those that are not the ones that were read.
async fn named<'a>(
    connection: &mut PgConnection,
    round: Vec<Placed<'a>>,
) -> Result<Vec<Placed<'a>>, sqlx::Error> {
    let mut kept = Vec::with_capacity(round.len());
    for (place, prepared) in round {
        let may_stay = match &prepared.write.marks.was_named {
            None => true,
            Some(old) => {
                let shadow = &prepared.write.shadow;
                let revision: Option<i64> = sqlx::query_scalar(
                    "SELECT revision FROM sync_shadow \
                     WHERE connection = $1 AND object = $2 AND record_id = $3",
                )
                .bind(shadow.key.connection.as_str())
                .bind(shadow.key.object.as_str())
                .bind(old.as_str())
                .fetch_optional(&mut *connection)
                .await?;
                revision == Some(number(shadow.revision))
                    && postgres_marks::rename(connection, prepared, old).await?
            }
        };
        if may_stay {
            kept.push((place, prepared));
        }
    }
    Ok(kept)
}

/// A shadow as the statement takes it.
#[derive(Serialize)]
struct ShadowLine<'a>(
    usize,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    i64,
    &'a str,
    i64,
    bool,
    i64,
    Option<&'a str>,
    Option<&'a str>,
);

/// Writes the shadows whose revision is still the one that was read; returns their places.
async fn write_shadows(
    connection: &mut PgConnection,
    round: &[Placed<'_>],
) -> Result<HashSet<usize>, sqlx::Error> {
    let lines: Vec<ShadowLine<'_>> = round
        .iter()
        .map(|(place, prepared)| {
            let shadow = &prepared.write.shadow;
            ShadowLine(
                *place,
                shadow.key.connection.as_str(),
                shadow.key.object.as_str(),
                shadow.key.record_id.as_str(),
                &prepared.shadow_fields,
                shadow.version.as_millis(),
                &prepared.field_versions,
                shadow.presence_version.as_millis(),
                shadow.is_deleted,
                number(shadow.revision),
                prepared.own_id(),
                prepared.edits.as_deref(),
            )
        })
        .collect();
    let written: Vec<i64> = sqlx::query_scalar(
        "WITH given AS ( \
             SELECT (line ->> 0)::bigint AS place, line ->> 1 AS connection, line ->> 2 AS object, \
                 line ->> 3 AS record_id, line ->> 4 AS fields, (line ->> 5)::bigint AS version, \
                 line ->> 6 AS field_versions, (line ->> 7)::bigint AS presence_version, \
                 (line ->> 8)::boolean AS is_deleted, (line ->> 9)::bigint AS revision, \
                 line ->> 10 AS entity_id, line ->> 11 AS edits \
             FROM jsonb_array_elements($1::jsonb) AS lines (line) \
         ), added AS ( \
             INSERT INTO sync_shadow (connection, object, record_id, fields, version, \
                 field_versions, presence_version, is_deleted, revision, entity_id, edits) \
             SELECT connection, object, record_id, fields, version, field_versions, \
                 presence_version, is_deleted, 1, entity_id, edits FROM given \
                 WHERE revision = 0 \
             ON CONFLICT (connection, object, record_id) DO NOTHING \
             RETURNING connection, object, record_id \
         ), moved AS ( \
             UPDATE sync_shadow AS stored SET fields = given.fields, \
                 version = given.version, field_versions = given.field_versions, \
                 presence_version = given.presence_version, is_deleted = given.is_deleted, \
                 revision = stored.revision + 1, entity_id = given.entity_id, \
                 edits = given.edits \
             FROM given WHERE given.revision > 0 AND stored.revision = given.revision \
                 AND stored.connection = given.connection AND stored.object = given.object \
                 AND stored.record_id = given.record_id \
             RETURNING stored.connection, stored.object, stored.record_id \
         ) \
         SELECT given.place FROM given JOIN (SELECT * FROM added UNION ALL SELECT * FROM moved) \
             AS written USING (connection, object, record_id)",
    )
    .bind(encode(&lines)?)
    .fetch_all(connection)
    .await?;
    Ok(written.into_iter().filter_map(|place| usize::try_from(place).ok()).collect())
}

/// Writes the rows of a round, those with the same columns by one statement.
async fn write_rows(
    connection: &mut PgConnection,
    round: &[Placed<'_>],
    at: i64,
) -> Result<(), sqlx::Error> {
    let mut kinds: BTreeMap<(Entity, &[&str], bool), Vec<RowLine<'_>>> = BTreeMap::new();
    for (_, prepared) in round {
        let write = &prepared.write;
        let kind = (write.entity, prepared.columns.as_slice(), write.audit.is_some());
        kinds.entry(kind).or_default().push(RowLine { prepared, at });
    }
    for ((entity, columns, is_audited), lines) in kinds {
        // The text is made of the names of `Entity::columns` alone.
        sqlx::query(AssertSqlSafe(upsert(entity, columns, is_audited)))
            .bind(encode(&lines)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A row as the statement takes it: id, connection, object, record id, deleted, version, now, then
/// its columns.
struct RowLine<'a> {
    prepared: &'a PreparedWrite,
    at: i64,
}

/// The place of the first column.
const FIRST_COLUMN: usize = 7;

impl Serialize for RowLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PreparedWrite { write, cells, .. } = self.prepared;
        let mut line = serializer.serialize_seq(Some(FIRST_COLUMN + cells.len()))?;
        line.serialize_element(write.entity_id.as_str())?;
        line.serialize_element(write.shadow.key.connection.as_str())?;
        line.serialize_element(write.shadow.key.object.as_str())?;
        line.serialize_element(write.shadow.key.record_id.as_str())?;
        line.serialize_element(&write.is_deleted)?;
        line.serialize_element(&write.shadow.version.as_millis())?;
        line.serialize_element(&self.at)?;
        for cell in cells {
            match cell {
                Cell::Null => line.serialize_element(&())?,
                Cell::Int(value) => line.serialize_element(value)?,
                Cell::Text(text) => line.serialize_element(&marked(text))?,
            }
        }
        line.end()
    }
}

/// Spells the statement that inserts or updates rows.
fn upsert(entity: Entity, columns: &[&str], is_audited: bool) -> String {
    use std::fmt::Write as _;
    let (mut names, mut values, mut sets) = (String::new(), String::new(), String::new());
    for (column, place) in columns.iter().zip(FIRST_COLUMN..) {
        let given = match *column {
            "is_closed" => format!("(line ->> {place})::boolean"),
            "opened_at" | "closed_at" => format!("(line ->> {place})::bigint"),
            "custom" => format!("(line ->> {place})::json"),
            // A reference to an alias becomes one to what that stands for.
            "account_id" | "contact_id" => format!(
                "coalesce((SELECT entity_id FROM id_aliases WHERE alias = line ->> {place}), \
                 line ->> {place})"
            ),
            _ => format!("(line ->> {place})"),
        };
        let _ = write!(names, ", {column}");
        let _ = write!(values, ", {given}");
        let _ = write!(sets, ", {column} = excluded.{column}");
    }
    if is_audited {
        sets.push_str(", updated_at = excluded.updated_at");
    }
    format!(
        "INSERT INTO {} (id, connection, object, record_id, is_deleted, version, \
         created_at, updated_at{names}) SELECT line ->> 0, line ->> 1, line ->> 2, line ->> 3, \
         (line ->> 4)::boolean, (line ->> 5)::bigint, (line ->> 6)::bigint, (line ->> 6)::bigint\
         {values} FROM jsonb_array_elements($1::jsonb) AS lines (line) ON CONFLICT (id) DO UPDATE \
         SET version = excluded.version, is_deleted = excluded.is_deleted{sets}",
        table(entity)
    )
}
