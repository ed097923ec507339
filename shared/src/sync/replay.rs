//! Makes a row of the past out of its audit rows.

use std::collections::BTreeMap;

use super::mapping::CUSTOM_PREFIX;
use crate::ids::EntityId;
use crate::model::{Entity, FieldValue, Fields};
use crate::ports::{AuditRow, PRESENCE_FIELD, PastField, PastRow, SetBy, WriteKind};
use crate::time::Timestamp;

/// Takes the audit rows of one row in order, and tells how that row stood at an instant.
///
/// Memory grows with the fields of the row, not with its changes.
#[derive(Debug)]
pub struct Replay {
    row: PastRow,
    /// What stood before the first later change, of fields that have one.
    before: BTreeMap<String, FieldValue>,
    is_deleted: Option<bool>,
    was_deleted: Option<bool>,
}

impl Replay {
    /// Begins with a row that is there since `created_at`.
    pub fn new(
        entity: Entity,
        entity_id: EntityId,
        as_of: Timestamp,
        created_at: Timestamp,
    ) -> Self {
        let row = PastRow {
            entity,
            entity_id,
            as_of,
            created_at,
            recorded_since: None,
            is_deleted: false,
            presence_set_by: None,
            fields: BTreeMap::new(),
        };
        Self { row, before: BTreeMap::new(), is_deleted: None, was_deleted: None }
    }

    /// Takes the next audit row; `is_later` tells whether it comes behind the last one up to the
    /// instant.
    pub fn take(&mut self, audit: &AuditRow, is_later: bool) {
        let is_field = |name: &str| {
            self.row.entity.columns().contains(&name) || name.starts_with(CUSTOM_PREFIX)
        };
        let mut fields = audit.changes.iter().filter(|it| is_field(&it.field)).peekable();
        let is_about_presence = audit.changes.iter().any(|it| it.field == PRESENCE_FIELD);
        if audit.kind == WriteKind::Updated && fields.peek().is_none() && !is_about_presence {
            return;
        }
        self.row.recorded_since.get_or_insert(audit.at);
        for change in fields {
            if is_later {
                let before = self.before.entry(change.field.clone());
                before.or_insert_with(|| change.before.clone());
            } else {
                let set_by = Some(SetBy::new(audit, change.decisions.clone()));
                let field = PastField { value: change.after.clone(), set_by };
                self.row.fields.insert(change.field.clone(), field);
            }
        }
        let Some(is_deleted) = presence(audit.kind) else { return };
        if is_later {
            self.was_deleted.get_or_insert(!is_deleted);
        } else {
            self.is_deleted = Some(is_deleted);
            self.row.presence_set_by = Some(SetBy::new(audit, Vec::new()));
        }
    }

    /// Ends with the row as it stands now.
    pub fn finish(mut self, fields: Fields, is_deleted: bool) -> PastRow {
        // A field that no audit row has set yet is what it was before the first that does, and else
        // what it still is.
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value));
        let unset = self.before.into_iter().chain(fields);
        for (name, value) in unset {
            self.row.fields.entry(name).or_insert(PastField { value, set_by: None });
        }
        self.row.is_deleted = self.is_deleted.or(self.was_deleted).unwrap_or(is_deleted);
        self.row
    }
}

/// Tells whether a row counts as deleted behind a write of `kind`; `None` when it is as before.
fn presence(kind: WriteKind) -> Option<bool> {
    match kind {
        WriteKind::Created | WriteKind::Restored => Some(false),
        WriteKind::Deleted => Some(true),
        WriteKind::Updated => None,
    }
}
