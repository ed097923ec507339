//! The outbox: records that were changed here and wait to be sent.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, EntityId, ObjectName};
use crate::model::{Entity, RecordKey};
use crate::time::Timestamp;

/// What is to be done over there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutboxKind {
    /// The record is to be made.
    Create,
    /// Fields are to be changed.
    Update,
    /// The record is to be deleted.
    Delete,
    /// The record is to come back.
    Undelete,
    /// The record is to be merged into another.
    Merge,
}

impl OutboxKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Create, Self::Update, Self::Delete, Self::Undelete, Self::Merge];

    /// Returns the name used in tables, metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Merge => "merge",
        }
    }
}

/// What a write says about its record's place in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutboxMark {
    /// As before.
    #[default]
    Keep,
    /// It waits to be sent, from now on when it did not; what kept it back before no longer does.
    Send(OutboxKind),
    /// Nothing is to be sent.
    Clear,
}

/// Why a record was not sent, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Setback {
    /// The platform's code, such as `UNABLE_TO_LOCK_ROW`, or ours in small letters.
    pub code: String,
    /// What it means and what to do.
    pub words: String,
    /// The remote fields it is about.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// One record that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The record.
    pub key: RecordKey,
    /// Its table.
    pub entity: Entity,
    /// Its row.
    pub entity_id: EntityId,
    /// What is to be done.
    pub kind: OutboxKind,
    /// How often sending it was tried in vain.
    pub n_attempts: u32,
    /// Why it was not sent the last time.
    pub last: Option<Setback>,
    /// Since when it waits.
    pub changed_at: Timestamp,
    /// Follows the change to the record over there.
    pub correlation_id: CorrelationId,
}

/// How a record stands in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutboxStatus {
    /// It waits for its turn.
    Waiting,
    /// It waits for a person: sending it again would fail again.
    Failed,
}

impl OutboxStatus {
    /// Returns the name used in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

/// Which records somebody takes to send them.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Of this connection.
    pub connection: ConnectionId,
    /// Of this object.
    pub object: ObjectName,
    /// Who takes them.
    pub owner: String,
    /// For how long nobody else gets them.
    pub lease: Duration,
    /// How many at most; the longest waiting first.
    pub limit: u32,
}

/// How many records of an object wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboxDepth {
    /// The connection.
    pub connection: ConnectionId,
    /// The object.
    pub object: ObjectName,
    /// Records that wait for their turn.
    pub n_waiting: u64,
    /// Of those, records that are to be deleted.
    pub n_deletes: u64,
    /// Records that wait for a person.
    pub n_failed: u64,
    /// Since when the longest waits.
    pub oldest: Option<Timestamp>,
}

/// Keeps what waits to be sent.
///
/// # Contract
///
/// - A record is in the outbox from the commit of the [`Write`](super::Write) that says so to that
///   of the one that clears it: no call here removes it.
/// - [`claim`](Outbox::claim) gives a record to one caller only, until its lease ends, the caller
///   postpones or holds it, or a write says that it is to be sent anew. It gives none whose time has
///   not come, and none that waits for a person.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes records to send them.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn claim(&self, claim: &Claim) -> Result<Vec<OutboxEntry>, PortError>;

    /// Gives records back for later: each counts one attempt more, save one without a setback,
    /// which could not be tried.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn postpone(
        &self,
        keys: &[(RecordKey, Option<Setback>)],
        delay: Duration,
    ) -> Result<(), PortError>;

    /// Sets a record aside for a person.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn hold(&self, key: &RecordKey, setback: &Setback) -> Result<(), PortError>;

    /// Lets records that wait for a person be sent again: that of `key`, or all of `connection`.
    /// Returns how many.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn resend(
        &self,
        connection: &ConnectionId,
        key: Option<&RecordKey>,
    ) -> Result<u64, PortError>;

    /// Tells how many records wait, by connection and object.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn depths(&self) -> Result<Vec<OutboxDepth>, PortError>;

    /// Lists up to `limit` records that stand so, the longest waiting first, behind `after`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn waiting(
        &self,
        status: OutboxStatus,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<OutboxEntry>, PortError>;

    /// Tells how the record `key` stands; `None` when nothing of it is to be sent.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn standing(
        &self,
        key: &RecordKey,
    ) -> Result<Option<(OutboxStatus, OutboxEntry)>, PortError>;
}
