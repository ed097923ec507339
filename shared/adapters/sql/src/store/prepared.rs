//! A write made ready by its caller, so that the one writing task only binds and executes.

use std::fmt::Write as _;

use shared::ids::{EntityId, ObjectName, RecordId};
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::Write;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use super::decode::number;
use crate::error::PLATFORM;

/// The value of one column as SQLite keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// No value.
    Null,
    /// A flag or an instant.
    Int(i64),
    /// Text.
    Text(String),
}

/// One write, checked and in the form of the tables.
#[derive(Debug)]
pub(super) struct PreparedWrite {
    /// The write itself.
    pub(super) write: Write,
    /// Spells the statements for the row.
    pub(super) statements: RowStatements,
    /// The row's own columns, in the order of its statements.
    pub(super) cells: Vec<Cell>,
    /// The shadow's fields as JSON.
    pub(super) shadow_fields: String,
    /// The shadow's field versions as JSON, in milliseconds since 1970.
    pub(super) field_versions: String,
    /// What changed, as JSON, for the audit row.
    pub(super) changes: String,
    /// The names of what changed, as JSON, for the change row.
    pub(super) changed_fields: String,
    /// Names the row for people.
    pub(super) label: Option<String>,
    /// The ids of the timeline events.
    pub(super) timeline_ids: Vec<EntityId>,
}

impl PreparedWrite {
    /// Checks `write` against the columns of its entity and encodes it.
    ///
    /// # Errors
    ///
    /// `Rejected` when a column is unknown or its value does not fit it; the subject names it.
    pub(super) fn new(write: Write) -> Result<Self, PortError> {
        let entity = write.entity;
        let mut columns = Vec::with_capacity(write.row.len());
        let mut cells = Vec::with_capacity(write.row.len());
        for (name, value) in &write.row {
            let column = entity.columns().iter().find(|it| *it == name);
            let cell = column.and_then(|column| Some((*column, cell(column, value)?)));
            let Some((column, cell)) = cell else {
                return Err(rejected(format!("{entity}.{name}")));
            };
            columns.push(column);
            cells.push(cell);
        }
        let encode = |json: Result<String, serde_json::Error>| {
            json.map_err(|cause| rejected(write.shadow.key.to_string()).with_source(cause))
        };
        let changes = write.audit.as_ref().map_or(&[] as &[_], |it| it.changes.as_slice());
        let changed: Vec<&str> = changes.iter().map(|it| it.field.as_str()).collect();
        let versions: std::collections::BTreeMap<&str, i64> = write
            .shadow
            .field_versions
            .iter()
            .map(|(field, at)| (field.as_str(), at.as_millis()))
            .collect();
        Ok(Self {
            statements: RowStatements { table: table(entity), columns },
            cells,
            shadow_fields: encode(serde_json::to_string(&write.shadow.fields))?,
            field_versions: encode(serde_json::to_string(&versions))?,
            changes: encode(serde_json::to_string(changes))?,
            changed_fields: encode(serde_json::to_string(&changed))?,
            label: label(entity, &write.row),
            timeline_ids: timeline_ids(&write)?,
            write,
        })
    }

    /// Returns from accepted event to `at`, in milliseconds; `None` where that says nothing.
    pub(super) fn lag_ms(&self, at: Timestamp) -> Option<i64> {
        let draft = self.write.audit.as_ref().filter(|it| !it.is_backfill)?;
        Some(number(at.since(draft.received_at).as_millis().try_into().unwrap_or(u64::MAX)))
    }
}

fn rejected(subject: String) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, "apply", subject)
}

/// Returns the table of `entity`.
const fn table(entity: Entity) -> &'static str {
    match entity {
        Entity::Account => "accounts",
        Entity::Contact => "contacts",
        Entity::Case => "cases",
    }
}

/// Encodes one value; `None` when it does not fit its column.
fn cell(column: &str, value: &FieldValue) -> Option<Cell> {
    match (column, value) {
        ("is_closed", FieldValue::Null) => Some(Cell::Int(0)),
        (_, FieldValue::Null) => Some(Cell::Null),
        ("is_closed", FieldValue::Bool(flag)) => Some(Cell::Int((*flag).into())),
        ("opened_at" | "closed_at", FieldValue::Text(text)) => {
            Timestamp::parse(text).ok().map(|at| Cell::Int(at.as_millis()))
        }
        ("account_id" | "contact_id", FieldValue::Text(text)) => {
            EntityId::parse(text.as_str()).ok().map(|id| Cell::Text(id.into()))
        }
        ("is_closed" | "opened_at" | "closed_at" | "account_id" | "contact_id", _) => None,
        (_, FieldValue::Text(text)) => Some(Cell::Text(text.clone())),
        (_, other) => Some(Cell::Text(other.to_string())),
    }
}

/// The statements for one row. Their parameters are the same: id, connection, object, record id,
/// deleted, version, now, then the columns.
#[derive(Debug)]
pub(super) struct RowStatements {
    table: &'static str,
    columns: Vec<&'static str>,
}

/// The number of the parameter that holds the first column.
const FIRST_COLUMN: usize = 8;

impl RowStatements {
    /// Spells the statement that inserts the row.
    pub(super) fn insert(&self) -> String {
        let Self { table, columns } = self;
        let (mut names, mut values) = (String::new(), String::new());
        for (column, number) in columns.iter().zip(FIRST_COLUMN..) {
            let _ = write!(names, ", {column}");
            let _ = write!(values, ", ?{number}");
        }
        format!(
            "INSERT INTO {table} (id, connection, object, record_id, is_deleted, version, \
             created_at, updated_at{names}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7{values})"
        )
    }

    /// Spells the statement that asks which values differ from the stored ones: bit 0 for deleted,
    /// then one bit a column. No row answers when none is stored.
    pub(super) fn differences(&self) -> String {
        let Self { table, columns } = self;
        let mut bits = "(is_deleted IS NOT ?5)".to_owned();
        for (place, column) in columns.iter().enumerate() {
            let _ =
                write!(bits, " | (({column} IS NOT ?{}) << {})", place + FIRST_COLUMN, place + 1);
        }
        format!("SELECT {bits} FROM {table} WHERE id = ?1")
    }

    /// Spells the statement that updates what differs: an index is only touched when one of its
    /// columns is named.
    pub(super) fn update(&self, differences: i64, is_audited: bool) -> String {
        let Self { table, columns } = self;
        let differs = |bit: usize| differences >> bit & 1 == 1;
        let mut sets = "version = ?6".to_owned();
        if is_audited {
            sets.push_str(", updated_at = ?7");
        }
        if differs(0) {
            sets.push_str(", is_deleted = ?5");
        }
        for (place, column) in columns.iter().enumerate().filter(|(place, _)| differs(place + 1)) {
            let _ = write!(sets, ", {column} = ?{}", place + FIRST_COLUMN);
        }
        format!("UPDATE {table} SET {sets} WHERE id = ?1")
    }
}

fn label(entity: Entity, row: &Fields) -> Option<String> {
    let text = |column: &str| row.get(column).and_then(FieldValue::as_text);
    let (parts, between) = match entity {
        Entity::Account => ([text("name"), None], ""),
        Entity::Contact => ([text("first_name"), text("last_name")], " "),
        Entity::Case => ([text("docket_number").or(text("case_number")), text("title")], " · "),
    };
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

/// Derives an id for each timeline event from its case, the revision and its place.
fn timeline_ids(write: &Write) -> Result<Vec<EntityId>, PortError> {
    let unnamed =
        |cause: shared::ids::InvalidId| rejected(write.entity_id.to_string()).with_source(cause);
    let object = ObjectName::parse("TimelineEvent").map_err(unnamed)?;
    let connection = &write.shadow.key.connection;
    (0..write.timeline.len())
        .map(|place| {
            let name = format!("{}.{}.{place}", write.entity_id, write.shadow.revision + 1);
            let record = RecordId::parse(name).map_err(unnamed)?;
            Ok(EntityId::derive(connection, &object, &record))
        })
        .collect()
}
