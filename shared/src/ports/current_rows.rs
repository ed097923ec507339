//! Many rows at once, as they stand now: for whatever follows the change rows, or asks for all of them.

use async_trait::async_trait;

use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::model::{Entity, Fields, RecordKey};
use crate::time::Timestamp;

/// A row as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentRow {
    /// Every column of its entity and its custom fields, in the form of a [`Write`](super::Write). A
    /// custom field without a value may be left out.
    pub fields: Fields,
    /// Whether it counts as deleted.
    pub is_deleted: bool,
    /// The record behind it.
    pub key: RecordKey,
    /// The version of the record that was applied last.
    pub version: Timestamp,
    /// The row that took its place, when it was merged into another.
    pub merged_into: Option<EntityId>,
}

/// Reads rows by their ids, or one after the other.
///
/// # Contract
///
/// - The answers come in the order of the ids, one for each, also when an id is asked for twice.
/// - Rows that are deleted or merged into others are rows like all; the ids are taken as they are,
///   and no alias is followed.
/// - All answers of one call are of one state of the store.
/// - Going on behind the last id of each answer shows every row that is there all the while exactly once.
#[async_trait]
pub trait CurrentRows: Send + Sync {
    /// Reads the rows of `entity` whose ids are `ids`; `None` for one that is not there.
    ///
    /// # Errors
    ///
    /// As the platform answers. A row that is not there is not an error.
    async fn current_rows(
        &self,
        entity: Entity,
        ids: &[EntityId],
    ) -> Result<Vec<Option<CurrentRow>>, PortError>;

    /// Reads the next rows of `entity` behind the id `after`, in the order of their ids: those that are not
    /// deleted and that `sight` shows, `limit` of them at most. Accounts and contacts are shown to whoever
    /// sees more than single cases.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn rows_after(
        &self,
        sight: &Sight,
        entity: Entity,
        after: Option<&EntityId>,
        limit: u32,
    ) -> Result<Vec<(EntityId, CurrentRow)>, PortError>;
}
