//! What a report tells, in which forms, when, and who hears of it.

use crate::analytics::Grain;
use crate::ports::{ReportFormat, ReportKind, ReportReceiver};
use crate::schedule::TimeOfDay;

/// Periods that charts look back over when nobody says.
pub(super) const LOOK_BACK: u32 = 12;
/// The most of them: five years of months.
pub(super) const MAX_LOOK_BACK: u32 = 60;

/// A report as it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportDefinition {
    /// Its name, such as `firm-monthly`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What exactly it tells.
    pub about: String,
    /// What it is of.
    pub kind: ReportKind,
    /// How long the time is that it is about; of a case it has no meaning.
    pub grain: Grain,
    /// Over how many periods charts look back, its own included.
    pub look_back: u32,
    /// The forms it is written in.
    pub formats: Vec<ReportFormat>,
    /// The pipeline, where the report is of one and it is always the same.
    pub pipeline: Option<String>,
    /// At what time of the day behind its period it is built; without one it is asked for.
    pub schedule: Option<TimeOfDay>,
    /// Who hears of it.
    pub deliver: Vec<ReportReceiver>,
}
