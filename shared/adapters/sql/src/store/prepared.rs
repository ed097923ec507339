//! A write made ready by its caller, so that the one writing task only binds and executes.

use std::collections::BTreeMap;

use shared::ids::{EntityId, ObjectName, RecordId};
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::Write;
use shared::sync::CUSTOM_PREFIX;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use super::decode::number;

/// The value of one column as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// No value.
    Null,
    /// A flag or an instant.
    Int(i64),
    /// Text.
    Text(String),
}

/// The column that holds custom fields, as one JSON object.
const CUSTOM: &str = "custom";

/// One write, checked and in the form of the tables.
#[derive(Debug)]
pub(super) struct PreparedWrite {
    /// The write itself.
    pub(super) write: Write,
    /// The names of the row's own columns.
    pub(super) columns: Vec<&'static str>,
    /// Their values, in the same order.
    pub(super) cells: Vec<Cell>,
    /// The shadow's fields as JSON.
    pub(super) shadow_fields: String,
    /// What was changed here and not sent, as JSON; nothing where nothing was.
    pub(super) edits: Option<String>,
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
    /// Checks `write` against the columns of its entity and encodes it, for `platform`.
    ///
    /// # Errors
    ///
    /// `Rejected` when a column is unknown or its value does not fit it; the subject names it.
    pub(super) fn new(platform: &'static str, write: Write) -> Result<Self, PortError> {
        let entity = write.entity;
        let rejected = |subject: String| rejected(platform, subject);
        let mut columns = Vec::with_capacity(write.row.len());
        let mut cells = Vec::with_capacity(write.row.len());
        let mut custom = BTreeMap::new();
        for (name, value) in &write.row {
            if let Some(name) = name.strip_prefix(CUSTOM_PREFIX) {
                custom.insert(name, value);
                continue;
            }
            let column = entity.columns().iter().find(|it| *name == **it);
            let cell = column.and_then(|column| Some((*column, cell(column, value)?)));
            let Some((column, cell)) = cell else {
                return Err(rejected(format!("{entity}.{name}")));
            };
            columns.push(column);
            cells.push(cell);
        }
        if !custom.is_empty() {
            let present = custom.into_iter().filter(|(_, value)| !value.is_null());
            let present: BTreeMap<_, _> = present.collect();
            let text = serde_json::to_string(&present);
            columns.push(CUSTOM);
            cells.push(Cell::Text(
                text.map_err(|cause| rejected(format!("{entity}.{CUSTOM}")).with_source(cause))?,
            ));
        }
        let encode = |json: Result<String, serde_json::Error>| {
            json.map_err(|cause| rejected(write.shadow.key.to_string()).with_source(cause))
        };
        let changes = write.audit.as_ref().map_or(&[] as &[_], |it| it.changes.as_slice());
        let changed: Vec<&str> = changes.iter().map(|it| it.field.as_str()).collect();
        let versions: BTreeMap<&str, i64> = write
            .shadow
            .field_versions
            .iter()
            .map(|(field, at)| (field.as_str(), at.as_millis()))
            .collect();
        Ok(Self {
            columns,
            cells,
            shadow_fields: encode(serde_json::to_string(&write.shadow.fields))?,
            edits: match write.shadow.edits.is_empty() {
                true => None,
                false => Some(encode(serde_json::to_string(&write.shadow.edits))?),
            },
            field_versions: encode(serde_json::to_string(&versions))?,
            changes: encode(serde_json::to_string(changes))?,
            changed_fields: encode(serde_json::to_string(&changed))?,
            label: label(entity, &write.row),
            timeline_ids: timeline_ids(platform, &write)?,
            write,
        })
    }

    /// Returns the row's id when it is not that which would be derived from the record.
    pub(super) fn own_id(&self) -> Option<&str> {
        let Write { entity_id, shadow, .. } = &self.write;
        (shadow.key.entity_id() != *entity_id).then(|| entity_id.as_str())
    }

    /// Returns from accepted event to `at`, in milliseconds; `None` where that says nothing.
    pub(super) fn lag_ms(&self, at: Timestamp) -> Option<i64> {
        let draft = self.write.audit.as_ref().filter(|it| !it.is_backfill)?;
        Some(number(at.since(draft.received_at).as_millis().try_into().unwrap_or(u64::MAX)))
    }
}

fn rejected(platform: &'static str, subject: String) -> PortError {
    PortError::new(PortErrorKind::Rejected, platform, "apply", subject)
}

/// Returns the table of `entity`.
pub(crate) const fn table(entity: Entity) -> &'static str {
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
fn timeline_ids(platform: &'static str, write: &Write) -> Result<Vec<EntityId>, PortError> {
    let unnamed = |cause: shared::ids::InvalidId| {
        rejected(platform, write.entity_id.to_string()).with_source(cause)
    };
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
