//! Ethical walls: who is screened from which case, and which client is assigned to which.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{EntityId, PersonId};
use crate::time::Timestamp;

/// How a person stands to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// They must never see it.
    Screened,
    /// They may see it although they see no others.
    Assigned,
}

/// How one person stands to one case, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wall {
    /// The case.
    pub case_id: EntityId,
    /// The person.
    pub person: PersonId,
    /// How they stand to it.
    pub stance: Stance,
    /// Why, in a few words.
    pub reason: String,
    /// Who decided.
    pub set_by: PersonId,
    /// When.
    pub set_at: Timestamp,
}

/// Keeps the walls.
///
/// # Contract
///
/// - There is at most one wall for a case and a person; setting another replaces it.
/// - Setting and lifting are written to the audit log in the same transaction, as an `updated` row
///   of the case with the field `wall:PERSON`.
/// - A set wall is seen by the next read of every port of the same store.
/// - A wall may be set for a case that has not arrived yet.
#[async_trait]
pub trait Walls: Send + Sync {
    /// Sets `wall`, in place of the one that stands for its case and person.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn set_wall(&self, wall: &Wall) -> Result<(), PortError>;

    /// Takes the wall of `person` at `case_id` away, in the name of `by`; tells whether there was
    /// one.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn lift_wall(
        &self,
        case_id: &EntityId,
        person: &PersonId,
        by: &PersonId,
    ) -> Result<bool, PortError>;

    /// Lists the walls of one case, ordered by person.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn walls_of(&self, case_id: &EntityId) -> Result<Vec<Wall>, PortError>;

    /// Returns those of `cases` that `sight` does not show; for streams, where each piece is looked
    /// at by itself.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn hidden(
        &self,
        sight: &Sight,
        cases: &[EntityId],
    ) -> Result<BTreeSet<EntityId>, PortError>;
}
