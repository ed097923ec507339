//! One row of the lake: a change, with the row as it stood when the change was read.

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::hiding::Hiding;
use super::schema::{Column, TableSchema};
use super::table::{CHANGE_SEQ, CUSTOM, LakeTable, VERSION};
use crate::ids::EntityId;
use crate::model::{FieldValue, Fields, RecordKey};
use crate::ports::{ChangeRow, CurrentRow, WriteKind};
use crate::sync::CUSTOM_PREFIX;
use crate::time::Timestamp;

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LakeKind {
    /// The row is new.
    Created,
    /// Fields changed.
    Updated,
    /// The row was deleted.
    Deleted,
    /// The row is back.
    Restored,
    /// The row was deleted because another took its place.
    Merged,
}

impl LakeKind {
    /// Returns the word in the column `change_kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Merged => "merged",
        }
    }

    fn of(kind: WriteKind, is_merged: bool) -> Self {
        match kind {
            WriteKind::Created => Self::Created,
            WriteKind::Updated => Self::Updated,
            WriteKind::Deleted if is_merged => Self::Merged,
            WriteKind::Deleted => Self::Deleted,
            WriteKind::Restored => Self::Restored,
        }
    }
}

/// One row of the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeRow {
    /// The number of the change.
    pub seq: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What it did.
    pub kind: LakeKind,
    /// The local fields that changed.
    pub changed_fields: Vec<String>,
    /// Which table it belongs to.
    pub table: LakeTable,
    /// The row that changed.
    pub entity_id: EntityId,
    /// The row as it stood at [`read_at`](LakeRow::read_at), without what must not be seen; `None`
    /// when it was not there.
    pub row: Option<ShownRow>,
    /// When the row was read.
    pub read_at: Timestamp,
}

/// What the lake shows of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    /// Its columns.
    pub fields: Fields,
    /// Its custom fields, without the prefix.
    pub custom: Fields,
    /// Whether it counts as deleted.
    pub is_deleted: bool,
    /// The record behind it.
    pub key: RecordKey,
    /// The version that was applied last.
    pub version: Timestamp,
    /// The row that took its place.
    pub merged_into: Option<EntityId>,
}

impl ShownRow {
    fn new(table: LakeTable, row: CurrentRow, hiding: &Hiding) -> Self {
        let CurrentRow { fields, is_deleted, key, version, merged_into } = row;
        let (mut own, mut custom) = (Fields::new(), Fields::new());
        for (name, value) in &hiding.hide(table.entity(), fields) {
            match name.strip_prefix(CUSTOM_PREFIX) {
                Some(_) if value.is_null() => {}
                Some(short) => drop(custom.insert(short, value.clone())),
                None => drop(own.insert(name.clone(), value.clone())),
            }
        }
        Self { fields: own, custom, is_deleted, key, version, merged_into }
    }
}

impl LakeRow {
    /// Makes the row of `change`, with `row` as it stood at `read_at`.
    pub fn new(
        change: ChangeRow,
        row: Option<CurrentRow>,
        hiding: &Hiding,
        read_at: Timestamp,
    ) -> Self {
        let table = LakeTable::of(change.entity);
        let row = row.map(|row| ShownRow::new(table, row, hiding));
        let mut changed_fields = change.fields;
        changed_fields.retain(|name| hiding.shows(change.entity, name));
        let is_merged = row.as_ref().is_some_and(|it| it.merged_into.is_some());
        Self {
            seq: change.seq,
            at: change.at,
            kind: LakeKind::of(change.kind, is_merged),
            changed_fields,
            table,
            entity_id: change.entity_id,
            row,
            read_at,
        }
    }

    /// Returns the version that files are told by: that of the record, or the instant of the change.
    pub fn version(&self) -> Timestamp {
        self.row.as_ref().map_or(self.at, |it| it.version)
    }

    /// Lays it out in the columns of `schema`, and names the columns whose values do not fit them:
    /// those are left empty.
    pub fn cells<'a>(&self, schema: &'a TableSchema) -> (Vec<Cell>, Vec<&'a str>) {
        let mut unfit = Vec::new();
        let cell = |column: &'a Column| match self.cell(column) {
            Some(cell) => cell,
            None => {
                unfit.push(column.name.as_str());
                Cell::Null
            }
        };
        (schema.columns.iter().map(cell).collect(), unfit)
    }

    fn cell(&self, column: &Column) -> Option<Cell> {
        let text = |it: &str| Cell::Text(it.to_owned());
        let row = self.row.as_ref();
        Some(match column.name.as_str() {
            CHANGE_SEQ => Cell::Int(i64::try_from(self.seq).ok()?),
            "changed_at" => Cell::Instant(self.at),
            "change_kind" => text(self.kind.as_str()),
            "changed_fields" => Cell::Text(serde_json::to_string(&self.changed_fields).ok()?),
            "id" => text(self.entity_id.as_str()),
            "read_at" => Cell::Instant(self.read_at),
            "is_deleted" => row.map_or(Cell::Null, |it| Cell::Bool(it.is_deleted)),
            "merged_into" => row
                .and_then(|it| it.merged_into.as_ref())
                .map_or(Cell::Null, |it| text(it.as_str())),
            "connection" => row.map_or(Cell::Null, |it| text(it.key.connection.as_str())),
            "object" => row.map_or(Cell::Null, |it| text(it.key.object.as_str())),
            "record_id" => row.map_or(Cell::Null, |it| text(it.key.record_id.as_str())),
            VERSION => row.map_or(Cell::Null, |it| Cell::Instant(it.version)),
            CUSTOM => match row {
                Some(row) => Cell::Text(serde_json::to_string(&row.custom).ok()?),
                None => Cell::Null,
            },
            name => {
                let value = row.and_then(|it| it.fields.get(name)).unwrap_or(&FieldValue::Null);
                return Cell::of(value, column.kind);
            }
        })
    }
}
