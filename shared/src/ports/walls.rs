//! Ethical walls: who is screened from which case, and which client is assigned to which.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::case_store::{AuditDraft, FieldChange};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId, PersonId};
use crate::model::{Channel, FieldValue};
use crate::time::Timestamp;

/// How a person stands to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// They must never see it.
    Screened,
    /// They may see it although they see no others.
    Assigned,
}

impl Stance {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Screened, Self::Assigned];

    /// Returns the name used in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Screened => "screened",
            Self::Assigned => "assigned",
        }
    }
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

impl Wall {
    /// Returns the name under which a wall of `person` stands in the audit log.
    pub fn audit_field(person: &PersonId) -> String {
        format!("wall:{person}")
    }

    /// Returns its value in the audit log: how the person stands, and why.
    pub fn audit_value(&self) -> FieldValue {
        FieldValue::Text(format!("{}: {}", self.stance.as_str(), self.reason))
    }
}

/// Makes the audit row of a wall that `by` set or lifted at `at`: `before` and `after` are the walls
/// of that one person.
pub fn wall_audit(
    person: &PersonId,
    by: &PersonId,
    at: Timestamp,
    before: Option<&Wall>,
    after: Option<&Wall>,
) -> AuditDraft {
    let value = |wall: Option<&Wall>| wall.map_or(FieldValue::Null, Wall::audit_value);
    let field = Wall::audit_field(person);
    let event_id = format!("{field}@{}", at.as_millis());
    AuditDraft {
        actor: format!("person:{by}"),
        channel: Channel::Api,
        correlation_id: CorrelationId::from_random(mark(&event_id)),
        event_id,
        changes: vec![FieldChange::new(field, value(before), value(after))],
        source_version: at,
        received_at: at,
        is_backfill: false,
    }
}

/// Digests the name of an event into 128 bits.
fn mark(event_id: &str) -> u128 {
    let digest = Sha256::digest(event_id.as_bytes());
    digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

/// Which cases somebody sees, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownCases {
    /// Every case.
    All,
    /// Every case but these.
    AllBut(BTreeSet<EntityId>),
    /// These alone.
    Only(BTreeSet<EntityId>),
}

impl ShownCases {
    /// Tells whether `case_id` is shown.
    pub fn contains(&self, case_id: &EntityId) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(hidden) => !hidden.contains(case_id),
            Self::Only(shown) => shown.contains(case_id),
        }
    }
}

/// Keeps the walls.
///
/// # Contract
///
/// - There is at most one wall for a case and a person; setting another replaces it.
/// - Setting and lifting are written to the audit log in the same transaction, as an `updated` row
///   of the case with the field `wall:PERSON`.
/// - It is no change row: walls are not part of what downstream readers follow.
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

    /// Tells whether `sight` shows every case there is or will be: nobody is screened.
    /// [`Sight::Only`] never does.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn shows_all(&self, sight: &Sight) -> Result<bool, PortError>;

    /// Returns a number that grows with every wall that is set or lifted, by whichever process:
    /// what was learned of walls holds as long as it stays the same.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn walls_revision(&self) -> Result<u64, PortError>;

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

    /// Returns which cases `sight` shows, for reads that look at all of them: as many ids as the person
    /// has walls.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn shown(&self, sight: &Sight) -> Result<ShownCases, PortError>;
}
