//! The journal of comparisons of both sides.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::time::Timestamp;

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReconcileOutcome {
    /// It is under way, or its process died.
    Running,
    /// Both sides held the same.
    Equal,
    /// They did not, and now they do.
    Repaired,
    /// They do not.
    Differs,
    /// It did not come to an end.
    Failed,
}

impl ReconcileOutcome {
    /// Returns the name used in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Equal => "equal",
            Self::Repaired => "repaired",
            Self::Differs => "differs",
            Self::Failed => "failed",
        }
    }
}

/// In which way a record differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// It is there and not here.
    MissingHere,
    /// It is here and not there.
    MissingThere,
    /// Its fields hold other values.
    Fields,
    /// Our row does not say what is known of its record.
    Row,
}

/// One record that differs. Values are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// The record.
    pub record_id: RecordId,
    /// In which way.
    pub kind: DifferenceKind,
    /// The remote names of the fields that differ.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// One comparison of one object on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reconciliation {
    /// Its id.
    pub id: CorrelationId,
    /// The connection.
    pub connection: ConnectionId,
    /// The object.
    pub object: ObjectName,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: ReconcileOutcome,
    /// Records here.
    pub n_here: u64,
    /// Records there.
    pub n_there: u64,
    /// Records that differed.
    pub n_differ: u64,
    /// Of those, records that were put right.
    pub n_repaired: u64,
    /// The first of them.
    pub samples: Vec<Difference>,
    /// Why it did not come to an end.
    pub error: Option<String>,
}

impl Reconciliation {
    /// Returns the share of records that were equal when it began, from 0 to 1; 1 of none.
    #[expect(clippy::cast_precision_loss, reason = "a share is a float")]
    pub fn accuracy(&self) -> f64 {
        match self.n_here.max(self.n_there) {
            0 => 1.0,
            n_records => 1.0 - self.n_differ.min(n_records) as f64 / n_records as f64,
        }
    }
}

/// Keeps comparisons.
///
/// # Contract
///
/// - Recording a comparison again replaces what stands under its id.
#[async_trait]
pub trait ReconcileJournal: Send + Sync {
    /// Writes a comparison.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn record_reconciliation(&self, run: &Reconciliation) -> Result<(), PortError>;

    /// Lists up to `limit` comparisons, the newest first.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn reconciliations(&self, limit: u32) -> Result<Vec<Reconciliation>, PortError>;
}
