//! How a row stands to its record: what is the same on both sides, and what waits.

use std::collections::BTreeMap;

use super::{Desk, DeskError, ObjectMapping};
use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, EntityId, RecordId};
use crate::model::{Channel, Entity, FieldValue, Fields, RecordKey};
use crate::ports::Shadow;
use crate::sync::local::{EditError, LocalChange, edit};
use crate::sync::mapping::{ConflictPolicy, FieldKind, FieldMapping};
use crate::sync::outcome::{Cause, is_row_deleted};

use serde::{Deserialize, Serialize};

/// How a field, or a record as a whole, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// Nothing of it is to be sent.
    InStep,
    /// It waits to be sent.
    Waiting,
    /// It may be on its way.
    Sending,
    /// The platform refused it: a person has to look.
    Refused,
    /// Both sides changed it: a person decides.
    Conflict,
}

/// How one field stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldStanding {
    /// Our field.
    pub field: String,
    /// Its name over there.
    pub remote_field: String,
    /// The value here.
    pub value: FieldValue,
    /// The value over there as far as it is known, in the form of our row.
    pub remote_value: FieldValue,
    /// Whether it can be changed here.
    pub can_change: bool,
    /// Who wins when both sides change it.
    pub policy: ConflictPolicy,
    /// How it stands.
    pub stand: Stand,
}

/// How one row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowStanding {
    /// The record.
    pub key: RecordKey,
    /// The row.
    pub entity_id: EntityId,
    /// Grows with each write.
    pub revision: u64,
    /// Whether the row counts as deleted.
    pub is_deleted: bool,
    /// How being there, deleted or merged stands.
    pub presence: Stand,
    /// Its fields, in the order of the mapping.
    pub fields: Vec<FieldStanding>,
}

impl Desk {
    /// Tells whether any connection is known: without one nothing can be changed.
    pub fn has_connections(&self) -> bool {
        !self.mappings.is_empty()
    }

    /// Tells how a row stands.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when there is no such row, its connection is not configured, or the store fails.
    pub async fn standing(&self, entity: Entity, id: &EntityId) -> Result<RowStanding, DeskError> {
        let key = self.locate(entity, id).await?;
        let mapping = self.mapping(&key, entity)?;
        let no_row = || DeskError::NoRow { entity, id: id.clone() };
        let shadow = self.store.shadow(&key).await?.ok_or_else(no_row)?;
        stand_of(&shadow, mapping)
    }

    /// Finds every field of a change that would be refused; [`change`](Desk::change) and
    /// [`create`](Desk::create) name the first one only. `id` is that of a row that is there.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when the row cannot be looked at.
    pub async fn faults(
        &self,
        entity: Entity,
        id: Option<&EntityId>,
        connection: Option<&ConnectionId>,
        fields: &Fields,
    ) -> Result<Vec<EditError>, DeskError> {
        let (shadow, mapping) = match id {
            Some(id) => {
                let key = self.locate(entity, id).await?;
                let mapping = self.mapping(&key, entity)?;
                let shadow = self.store.shadow(&key).await?;
                (shadow.unwrap_or_else(|| Shadow::unseen(key)), mapping)
            }
            None => self.blank(entity, connection)?,
        };
        self.faults_of(&shadow, mapping, fields).await.map_err(DeskError::Store)
    }

    /// Gives texts the kinds of their fields, such as `7` of a number; an empty text is null, and a
    /// text that is of no such kind stays text, which a change refuses. `id` is that of a row that is
    /// there; without one they are for a new row at `connection`.
    ///
    /// # Errors
    ///
    /// [`DeskError`] when the row cannot be looked at, or nobody takes new ones.
    pub async fn typed(
        &self,
        entity: Entity,
        id: Option<&EntityId>,
        connection: Option<&ConnectionId>,
        texts: &BTreeMap<String, String>,
    ) -> Result<Fields, DeskError> {
        let mapping = match id {
            Some(id) => self.mapping(&self.locate(entity, id).await?, entity)?,
            None => self.taker(entity, connection)?.1,
        };
        let typed = texts.iter().map(|(name, text)| {
            let text = FieldValue::text(text);
            let value = match mapping.local_field(name).map(|it| &it.kind) {
                Some(kind @ (FieldKind::Bool | FieldKind::Number)) => kind.canonical(&text),
                _ => None,
            };
            (name.clone(), value.unwrap_or(text))
        });
        Ok(typed.collect())
    }

    /// Finds who takes new rows of a kind.
    pub(super) fn taker(
        &self,
        entity: Entity,
        connection: Option<&ConnectionId>,
    ) -> Result<(&ConnectionId, &ObjectMapping), DeskError> {
        let takers: Vec<_> = self
            .mappings
            .iter()
            .filter_map(|(connection, mappings)| Some((connection, mappings.of(entity)?)))
            .filter(|(_, mapping)| mapping.rules.external_id.is_some() && mapping.goes_out())
            .collect();
        match (connection, takers.as_slice()) {
            (Some(name), takers) => {
                let found = takers.iter().find(|(connection, _)| *connection == name);
                found
                    .copied()
                    .ok_or_else(|| DeskError::NoConnection { connection: name.clone(), entity })
            }
            (None, [only]) => Ok(*only),
            (None, []) => Err(DeskError::TakesNoNewRows { entity }),
            (None, several) => {
                let known = several.iter().map(|it| format!("`{}`", it.0)).collect::<Vec<_>>();
                Err(DeskError::WhichConnection { entity, known: known.join(", ") })
            }
        }
    }

    fn blank(
        &self,
        entity: Entity,
        connection: Option<&ConnectionId>,
    ) -> Result<(Shadow, &ObjectMapping), DeskError> {
        let (connection, mapping) = self.taker(entity, connection)?;
        let record_id = RecordId::of_local(&EntityId::from_random(0));
        let (connection, object) = (connection.clone(), mapping.object.clone());
        Ok((Shadow::unseen(RecordKey { connection, object, record_id }), mapping))
    }

    async fn faults_of(
        &self,
        shadow: &Shadow,
        mapping: &ObjectMapping,
        fields: &Fields,
    ) -> Result<Vec<EditError>, PortError> {
        let references = self.references(mapping, fields).await?;
        let (now, correlation_id) = (self.clock.now(), CorrelationId::from_random(0));
        let cause = Cause {
            actor: "",
            channel: Channel::Api,
            event_id: "",
            correlation_id: &correlation_id,
            version: now,
            received_at: now,
            is_backfill: false,
        };
        let refused = fields.iter().filter_map(|(name, value)| {
            let fields = Fields::from([(name.clone(), value.clone())]);
            edit(shadow, &LocalChange { fields, presence: None }, &references, mapping, cause).err()
        });
        Ok(refused.collect())
    }
}

fn stand_of(shadow: &Shadow, mapping: &ObjectMapping) -> Result<RowStanding, DeskError> {
    let unmapped = |source| DeskError::Edit(EditError::Unmapped { source });
    let connection = &shadow.key.connection;
    let mut here = mapping.row(connection, &shadow.edits.over(&shadow.fields)).map_err(unmapped)?;
    let mut there = mapping.row(connection, &shadow.fields).map_err(unmapped)?;
    let field = |it: &FieldMapping| FieldStanding {
        field: it.local.clone(),
        remote_field: it.remote.clone(),
        value: here.remove(&it.local).unwrap_or_default(),
        remote_value: there.remove(&it.local).unwrap_or_default(),
        can_change: it.direction.goes_out(),
        policy: it.conflicts,
        stand: field_stand(shadow, &it.remote),
    };
    let fields = mapping.fields.iter().map(field).collect();
    let presence = match &shadow.edits.presence {
        Some(edit) if edit.is_parked => Stand::Conflict,
        Some(_) => Stand::Waiting,
        None => Stand::InStep,
    };
    Ok(RowStanding {
        key: shadow.key.clone(),
        entity_id: shadow.entity_id.clone(),
        revision: shadow.revision,
        is_deleted: is_row_deleted(shadow, mapping),
        presence,
        fields,
    })
}

fn field_stand(shadow: &Shadow, remote: &str) -> Stand {
    match shadow.edits.fields.get(remote) {
        None => Stand::InStep,
        Some(edit) if edit.is_parked => Stand::Conflict,
        Some(edit) if edit.is_in_flight() => Stand::Sending,
        Some(_) => Stand::Waiting,
    }
}
