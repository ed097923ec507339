//! Where changes that are made here come in: edits, new rows, deletions, decisions about conflicts.
//!
//! Each is one write: row, shadow, audit row, change row and outbox row in one transaction.

mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::local::{EditError, LocalChange, References, Verdict, edit, resolve};
use super::mapping::{FieldKind, Mappings, ObjectMapping};
use super::outcome::Cause;
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, CorrelationId, EntityId};
use crate::model::{Channel, Entity, Fields, Presence, RecordKey};
use crate::ports::{CaseStore, Clock, Committed, Conflict, Conflicts, Random, Shadow, Write};

pub use standing::{FieldStanding, RowStanding, Stand};

/// How often one change is made again because somebody else wrote its record in between.
const MAX_TRIES: u32 = 8;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such row.
    #[error("there is no {entity} `{id}`")]
    NoRow {
        /// The kind of row.
        entity: Entity,
        /// Its id.
        id: EntityId,
    },
    /// The id is that of a row that was merged: what would be done to it would be done to its survivor.
    #[error("{entity} `{id}` was merged into `{into}`: name that one, if it is meant")]
    Merged {
        /// The kind of row.
        entity: Entity,
        /// The id that was named.
        id: EntityId,
        /// The row that stands in its place.
        into: EntityId,
    },
    /// There is no such conflict, or it has ended.
    #[error("there is no open conflict {id}")]
    NoConflict {
        /// Its number.
        id: u64,
    },
    /// The connection of the row is not configured, or does not take such rows.
    #[error("the connection `{connection}` takes no {entity}: add it to the settings, or map it")]
    NoConnection {
        /// The connection.
        connection: ConnectionId,
        /// The kind of row.
        entity: Entity,
    },
    /// Several connections take such rows.
    #[error("several connections take {entity}: name one of {known}")]
    WhichConnection {
        /// The kind of row.
        entity: Entity,
        /// Those that there are.
        known: String,
    },
    /// No connection takes new rows of this kind.
    #[error("no connection takes new rows of {entity}: a mapping needs `external_id`")]
    TakesNoNewRows {
        /// The kind of row.
        entity: Entity,
    },
    /// The change cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Somebody else changed the row since the author looked at it.
    #[error("it was changed meanwhile: look at it again")]
    ChangedMeanwhile,
    /// The store failed.
    #[error("the change was not written")]
    Store(#[from] PortError),
}

/// Who changes something, and by what request.
#[derive(Clone, Debug)]
pub struct Author {
    /// Who, such as `person:anna`.
    pub actor: String,
    /// The request, such as its id.
    pub event_id: String,
    /// Follows the change to the record over there.
    pub correlation_id: CorrelationId,
}

/// What was made of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The row.
    pub entity_id: EntityId,
    /// The commit; `None` when everything was so already.
    pub committed: Option<Committed>,
}

/// Takes changes that are made here.
pub struct Desk {
    store: Arc<dyn CaseStore>,
    conflicts: Arc<dyn Conflicts>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    mappings: BTreeMap<ConnectionId, Mappings>,
}

impl Desk {
    /// Takes changes for rows of the connections that `mappings` are of.
    pub fn new(
        store: Arc<dyn CaseStore>,
        conflicts: Arc<dyn Conflicts>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        mappings: impl IntoIterator<Item = (ConnectionId, Mappings)>,
    ) -> Self {
        Self { store, conflicts, clock, random, mappings: mappings.into_iter().collect() }
    }

    /// Changes fields of a row.
    ///
    /// # Errors
    ///
    /// [`DeskError`]; nothing is changed then.
    pub async fn change(
        &self,
        entity: Entity,
        id: &EntityId,
        fields: Fields,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        self.change_as_of(entity, id, fields, None, author).await
    }

    /// Changes fields of a row, when its shadow is still the one of `revision`.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change); [`DeskError::ChangedMeanwhile`] when it is not.
    pub async fn change_as_of(
        &self,
        entity: Entity,
        id: &EntityId,
        fields: Fields,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        self.make(entity, id, LocalChange { fields, presence: None }, revision, author).await
    }

    /// Deletes a row.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn delete(
        &self,
        entity: Entity,
        id: &EntityId,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        self.make(entity, id, presence(Presence::Deleted), None, author).await
    }

    /// Brings a deleted row back.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn restore(
        &self,
        entity: Entity,
        id: &EntityId,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        self.make(entity, id, presence(Presence::Present), None, author).await
    }

    /// Merges a row into another of the same connection: what points to it points there from now on.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn merge(
        &self,
        entity: Entity,
        loser: &EntityId,
        winner: &EntityId,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        let key = self.locate(entity, winner).await?;
        let of_loser = self.locate(entity, loser).await?;
        if key == of_loser || key.connection != of_loser.connection {
            return Err(DeskError::NoRow { entity, id: winner.clone() });
        }
        let wanted = presence(Presence::MergedInto(key.record_id));
        self.make(entity, loser, wanted, None, author).await
    }

    /// Makes a row, at `connection` or the only one that takes such rows.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn create(
        &self,
        entity: Entity,
        connection: Option<&ConnectionId>,
        fields: Fields,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        let id = EntityId::from_random(self.random.bits());
        self.create_as(entity, id, connection, fields, author).await
    }

    /// Makes the row `id`, once: when it is there already, nothing is done.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn create_as(
        &self,
        entity: Entity,
        id: EntityId,
        connection: Option<&ConnectionId>,
        fields: Fields,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        let (connection, mapping) = self.taker(entity, connection)?;
        if self.store.locate(entity, &id).await?.is_some() {
            return Ok(Changed { entity_id: id, committed: None });
        }
        let record_id = crate::ids::RecordId::of_local(&id);
        let object = mapping.object.clone();
        let shadow =
            Shadow::unseen(RecordKey { connection: connection.clone(), object, record_id });
        let change = LocalChange { fields, presence: None };
        let references = self.references(mapping, &change.fields).await?;
        let write = edit(&shadow, &change, &references, mapping, self.cause(author))?;
        let committed = match write {
            Some(write) => self.write(write).await?,
            None => None,
        };
        Ok(Changed { entity_id: id, committed })
    }

    /// Decides the conflict `id`, when `sight` shows it.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub async fn decide(
        &self,
        sight: &Sight,
        id: u64,
        verdict: &Verdict,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        for _ in 0..MAX_TRIES {
            let found = self.conflicts.conflict(sight, id).await?;
            let conflict =
                found.filter(|it| it.resolved_at.is_none()).ok_or(DeskError::NoConflict { id })?;
            if let Some(changed) = self.try_to_decide(&conflict, verdict, author).await? {
                return Ok(changed);
            }
        }
        Err(DeskError::Store(too_often(&id.to_string())))
    }

    async fn try_to_decide(
        &self,
        conflict: &Conflict,
        verdict: &Verdict,
        author: &Author,
    ) -> Result<Option<Changed>, DeskError> {
        let mapping = self.mapping(&conflict.key, conflict.entity)?;
        let Some(shadow) = self.store.shadow(&conflict.key).await? else {
            return Err(DeskError::NoConflict { id: conflict.id });
        };
        let chosen = match verdict {
            Verdict::Local => None,
            Verdict::Remote => Some(&conflict.remote_value),
            Verdict::Other(value) => Some(value),
        };
        let fields = chosen.map(|value| (conflict.local_field.clone(), value.clone()));
        let references = self.references(mapping, &fields.into_iter().collect()).await?;
        let cause = self.cause(author);
        let write = resolve(&shadow, conflict, verdict, &references, mapping, cause)?;
        let entity_id = write.entity_id.clone();
        let committed = self.write(write).await?;
        Ok(committed.map(|it| Changed { entity_id, committed: Some(it) }))
    }

    async fn make(
        &self,
        entity: Entity,
        id: &EntityId,
        change: LocalChange,
        revision: Option<u64>,
        author: &Author,
    ) -> Result<Changed, DeskError> {
        for _ in 0..MAX_TRIES {
            let key = self.locate(entity, id).await?;
            let mapping = self.mapping(&key, entity)?;
            let no_row = || DeskError::NoRow { entity, id: id.clone() };
            let shadow = self.store.shadow(&key).await?.ok_or_else(no_row)?;
            if change.presence.is_some() && shadow.entity_id != *id {
                let into = shadow.entity_id;
                return Err(DeskError::Merged { entity, id: id.clone(), into });
            }
            if revision.is_some_and(|it| it != shadow.revision) {
                return Err(DeskError::ChangedMeanwhile);
            }
            let references = self.references(mapping, &change.fields).await?;
            let write = edit(&shadow, &change, &references, mapping, self.cause(author))?;
            let entity_id = shadow.entity_id.clone();
            let Some(write) = write else { return Ok(Changed { entity_id, committed: None }) };
            if let Some(committed) = self.write(write).await? {
                return Ok(Changed { entity_id, committed: Some(committed) });
            }
        }
        Err(DeskError::Store(too_often(id.as_str())))
    }

    /// Writes; `None` when somebody else was faster.
    async fn write(&self, write: Write) -> Result<Option<Committed>, PortError> {
        match self.store.apply(write).await {
            Ok(committed) => Ok(Some(committed)),
            Err(error) if error.kind() == PortErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn locate(&self, entity: Entity, id: &EntityId) -> Result<RecordKey, DeskError> {
        let found = self.store.locate(entity, id).await?;
        found.ok_or_else(|| DeskError::NoRow { entity, id: id.clone() })
    }

    fn mapping(&self, key: &RecordKey, entity: Entity) -> Result<&ObjectMapping, DeskError> {
        let mapping = self.mappings.get(&key.connection).and_then(|it| it.get(&key.object));
        mapping
            .ok_or_else(|| DeskError::NoConnection { connection: key.connection.clone(), entity })
    }

    /// Finds the records of the rows that `fields` refer to; a row that is not there is left out.
    async fn references(
        &self,
        mapping: &ObjectMapping,
        fields: &Fields,
    ) -> Result<References, PortError> {
        let mut references = References::new();
        for (name, value) in fields {
            let Some(FieldKind::Reference(object)) = mapping.local_field(name).map(|it| &it.kind)
            else {
                continue;
            };
            let id = value.as_text().and_then(|it| EntityId::parse(it).ok());
            let target = self.mappings.values().find_map(|it| it.get(object)).map(|it| it.entity);
            let (Some(id), Some(target)) = (id, target) else { continue };
            if let Some(key) = self.store.locate(target, &id).await? {
                references.insert(id, key.record_id);
            }
        }
        Ok(references)
    }

    fn cause<'a>(&self, author: &'a Author) -> Cause<'a> {
        let now = self.clock.now();
        Cause {
            actor: &author.actor,
            channel: Channel::Api,
            event_id: &author.event_id,
            correlation_id: &author.correlation_id,
            version: now,
            received_at: now,
            is_backfill: false,
        }
    }
}

fn presence(wanted: Presence) -> LocalChange {
    LocalChange { fields: Fields::new(), presence: Some(wanted) }
}

fn too_often(subject: &str) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "desk", "write too often at once", subject)
}

#[cfg(test)]
mod tests;
