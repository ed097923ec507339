//! Records that are new: their shadows and rows go in by many a statement.
//!
//! What is new needs no look at what stands there, once it is known that nothing does.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use shared::model::Entity;
use shared::time::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::many::{Aliases, Given, Placed, first_of_each, moves_ids, pieces, values};
use crate::store::decode::{json_text, number};
use crate::store::jobs::Job;
use crate::store::prepared::{PreparedWrite, table};

/// Writes the shadows and rows of those among `jobs` whose records are new, and returns their
/// places. The others are left as they are: somebody was faster, or something stands there.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    jobs: &[Job],
    at: Timestamp,
) -> Result<HashSet<usize>, sqlx::Error> {
    let mut new = first_of_each(jobs, |it| it.write.shadow.revision == 0);
    // One alone goes the way of any other.
    if new.len() < 2 || jobs.iter().any(moves_ids) {
        return Ok(HashSet::new());
    }
    leave_out_known(connection, &mut new).await?;
    let aliases = Aliases::of(connection, &new).await?;
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
            given.text(prepared.shadow_fields.as_str())?;
            given.int(shadow.version.as_millis())?;
            given.text(prepared.field_versions.as_str())?;
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
        sqlx::query_with(AssertSqlSafe(sql), given.into_arguments())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes the rows of one kind that have the same columns.
async fn write_rows(
    connection: &mut SqliteConnection,
    entity: Entity,
    columns: &[&str],
    rows: &[&PreparedWrite],
    aliases: &Aliases,
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
                given.cell(column, cell, aliases)?;
            }
        }
        // The text is made of the names of `Entity::columns` alone.
        let sql = format!(
            "INSERT INTO {} (id, connection, object, record_id, is_deleted, version, created_at, \
             updated_at{names}) VALUES {}",
            table(entity),
            values(8 + columns.len(), piece.len())
        );
        sqlx::query_with(AssertSqlSafe(sql), given.into_arguments())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
