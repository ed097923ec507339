//! Makes a report of what the stores answer to whoever it is for.

use std::sync::Arc;

use super::definition::ReportDefinition;
use super::document::ReportDocument;
use super::period::ReportPeriod;
use super::{case, firm, pipeline};
use crate::analytics::MetricFault;
use crate::error::PortError;
use crate::ports::{CaseTally, CaseView, PipelineJournal, Report, ReportKind};
use crate::time::Timestamp;

/// Where figures come from.
#[derive(Clone)]
pub struct ReportSources {
    /// Counts of cases.
    pub tally: Arc<dyn CaseTally>,
    /// Cases.
    pub view: Arc<dyn CaseView>,
    /// Runs of pipelines.
    pub pipelines: Arc<dyn PipelineJournal>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Nobody can make it: the case is gone, or hidden by now.
    #[error("{0}")]
    Never(String),
    /// The metrics of this build have a fault.
    #[error("the metrics cannot be used")]
    Metrics(#[source] MetricFault),
    /// A store failed.
    #[error("the figures were not read")]
    Store(#[from] PortError),
}

/// Makes what `report` asks for, by `definition`, at `now`. Whatever it is of, it shows what
/// [`Report::sight`] shows.
///
/// # Errors
///
/// [`ComposeError`].
pub async fn compose(
    sources: &ReportSources,
    definition: &ReportDefinition,
    report: &Report,
    now: Timestamp,
) -> Result<ReportDocument, ComposeError> {
    let period = || {
        let found = ReportPeriod::parse(definition.grain, &report.period);
        found.ok_or_else(|| {
            ComposeError::Never(format!(
                "`{}` is no period of `{}`: its definition was changed since it was asked for",
                report.period, definition.name
            ))
        })
    };
    let subject = || {
        let kind = report.kind.as_str();
        let missing = || ComposeError::Never(format!("the order names no {kind}"));
        report.subject.as_deref().ok_or_else(missing)
    };
    if definition.kind != report.kind {
        let text = format!("`{}` is of another kind since it was asked for", definition.name);
        return Err(ComposeError::Never(text));
    }
    match report.kind {
        ReportKind::Firm => {
            firm::document(&*sources.tally, &report.sight, definition, period()?, now).await
        }
        ReportKind::Case => {
            case::document(&*sources.view, &report.sight, definition, subject()?, now).await
        }
        ReportKind::Pipeline => {
            pipeline::document(&*sources.pipelines, definition, subject()?, period()?, now).await
        }
    }
}
