//! Reads the incidents that matters were imported with: placements that were denied.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Sight;
use crate::error::PortError;

/// The source whose items are incidents.
pub const INCIDENT_SOURCE: &str = "moodbridge/placement_denials";

/// What all incidents come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentFigures {
    /// How many there are.
    pub n_incidents: u64,
    /// How long they took together, in hours.
    pub hours: f64,
    /// How long one took on average, of those that tell; 0 without any.
    pub mean_hours: f64,
    /// By month in UTC, such as `2024-06`, the earliest first; months without any are left out.
    pub by_month: Vec<(String, u64)>,
    /// By category, the most frequent first, ties by name; those without one come as `None`, last
    /// among their ties.
    pub by_category: Vec<(Option<String>, u64)>,
    /// The latest ones, the latest first.
    pub latest: Vec<Incident>,
}

/// One incident, as its source spells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incident {
    /// The day, as it was written.
    pub denied_date: String,
    /// Why.
    pub denial_reason: Option<String>,
    /// How long, in hours.
    pub hours: Option<f64>,
}

impl Incident {
    /// Reads it from the details of its item; `hours` are kept apart from them.
    pub fn of(details: &str, hours: Option<f64>) -> Self {
        #[derive(Deserialize)]
        struct Wanted {
            denied_date: Option<String>,
            denial_reason: Option<Value>,
        }
        let wanted = serde_json::from_str(details)
            .unwrap_or(Wanted { denied_date: None, denial_reason: None });
        Self {
            denied_date: wanted.denied_date.unwrap_or_default(),
            denial_reason: match wanted.denial_reason {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) => Some(text),
                Some(other) => Some(other.to_string()),
            },
            hours,
        }
    }
}

/// Reads incidents.
///
/// # Contract
///
/// - Incidents are the items of [`INCIDENT_SOURCE`].
/// - What hangs on a case that `sight` does not show is in no figure and no list.
/// - All figures are of one state of the store.
#[async_trait]
pub trait IncidentView: Send + Sync {
    /// Reads the figures and the `n_latest` latest incidents.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn incidents(&self, sight: &Sight, n_latest: u32) -> Result<IncidentFigures, PortError>;
}
