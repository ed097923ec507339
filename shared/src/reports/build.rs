//! Builds a report that was asked for: once, whole, and then tells of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use tracing::{info, warn};

use super::compose::{ComposeError, ReportSources, compose};
use super::definitions::{ReportDefinitions, ReportDefinitionsError};
use super::files;
use super::news::Newsroom;
use crate::error::{PortError, PortErrorKind, Retry, chain};
use crate::ids::CorrelationId;
use crate::ports::{
    BlobStore, Clock, DeliveryState, Kept, LakeFiles, Report, ReportDelivery, ReportFile,
    ReportJournal, ReportPrinter, ReportState,
};
use crate::worker::Failure;

/// How often a report is begun; after that it has failed. Fewer than a queue hands a message out, so
/// that the reason is ours.
const MAX_ATTEMPTS: u32 = 5;

/// What a builder works with.
#[derive(Clone)]
pub struct BuildPorts {
    /// Where figures come from.
    pub sources: ReportSources,
    /// What there is to build.
    pub definitions: ReportDefinitions,
    /// What was asked for.
    pub journal: Arc<dyn ReportJournal>,
    /// Where files go.
    pub store: Arc<dyn BlobStore>,
    /// Prints, where this build can.
    pub printer: Option<Arc<dyn ReportPrinter>>,
    /// Writes tables in columns into `store`, where this build can.
    pub tables: Option<Arc<dyn LakeFiles>>,
    /// Who hears of it.
    pub news: Newsroom,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// How a builder works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildSettings {
    /// How long a report is its builder's: longer than a function may take.
    pub lease: Duration,
}

impl Default for BuildSettings {
    fn default() -> Self {
        Self { lease: Duration::from_mins(15) }
    }
}

/// Why a report was not built, or not told of.
#[derive(Debug, thiserror::Error)]
pub enum NotBuilt {
    /// It can never be built as it was asked for.
    #[error("{0}")]
    Never(String),
    /// Somebody else builds it.
    #[error("report `{id}` is in other hands")]
    InHand {
        /// The report.
        id: CorrelationId,
        /// When it is given to the next.
        wait: Duration,
    },
    /// Somebody else has built it meanwhile.
    #[error("report `{id}` was given to somebody else, who builds it")]
    Lost {
        /// The report.
        id: CorrelationId,
    },
    /// A store or a receiver failed.
    #[error("{0}")]
    Later(String, Option<Duration>),
}

impl From<PortError> for NotBuilt {
    /// What is denied may be allowed by the next try.
    fn from(error: PortError) -> Self {
        let text = chain(&error).to_string();
        match (error.kind(), error.retry()) {
            (PortErrorKind::Denied, _) => Self::Later(text, error.retry_after()),
            (_, Retry::Never) => Self::Never(text),
            (_, Retry::After(wait)) => Self::Later(text, wait),
        }
    }
}

impl From<ComposeError> for NotBuilt {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::Store(error) => error.into(),
            other => Self::Never(chain(&other).to_string()),
        }
    }
}

impl From<ReportDefinitionsError> for NotBuilt {
    fn from(error: ReportDefinitionsError) -> Self {
        match error {
            ReportDefinitionsError::Unread { source, .. } => source.into(),
            other => Self::Never(other.to_string()),
        }
    }
}

impl From<NotBuilt> for Failure {
    fn from(error: NotBuilt) -> Self {
        let retry = match &error {
            NotBuilt::Never(_) => Retry::Never,
            NotBuilt::InHand { wait, .. } => Retry::After(Some(*wait)),
            NotBuilt::Lost { .. } => Retry::After(None),
            NotBuilt::Later(_, wait) => Retry::After(*wait),
        };
        Self::of(&error, retry)
    }
}

/// Builds reports.
pub struct ReportBuilder {
    ports: BuildPorts,
    settings: BuildSettings,
}

impl ReportBuilder {
    /// Builds them over `ports`.
    pub fn new(ports: BuildPorts, settings: BuildSettings) -> Self {
        Self { ports, settings }
    }

    /// Builds the report `id` unless it is built, and tells everybody of it who was not told. Asking
    /// again does no harm.
    ///
    /// # Errors
    ///
    /// [`NotBuilt`], which says whether another try can help.
    pub async fn build(&self, id: &CorrelationId) -> Result<(), NotBuilt> {
        let kept = self.ports.journal.report(id).await?;
        let Some(kept) = kept else {
            return Err(NotBuilt::Never(format!("report `{id}` is not in the journal")));
        };
        let kept = match kept.value.state {
            ReportState::Failed => return Ok(()),
            ReportState::Ready => kept,
            ReportState::Queued | ReportState::Building => {
                let claimed = self.claim(kept).await?;
                self.make(claimed).await?
            }
        };
        self.tell(kept).await
    }

    /// Takes the report in hand.
    async fn claim(&self, kept: Kept<Report>) -> Result<Kept<Report>, NotBuilt> {
        let Kept { value: report, revision } = kept;
        let now = self.ports.clock.now();
        let until = report.leased_until.filter(|it| *it > now);
        if let (ReportState::Building, Some(until)) = (report.state, until) {
            return Err(NotBuilt::InHand { id: report.id, wait: until.since(now) });
        }
        if report.n_attempts >= MAX_ATTEMPTS {
            let last = report.message.as_deref().unwrap_or("the process ended each time");
            let reason = format!("it was begun {MAX_ATTEMPTS} times and never ended: {last}");
            return Err(self.fail(Kept { value: report, revision }, reason).await?);
        }
        let mine = Report {
            state: ReportState::Building,
            n_attempts: report.n_attempts + 1,
            leased_until: Some(now.plus(self.settings.lease)),
            ..report
        };
        self.write(mine, revision).await
    }

    /// Writes `report` in place of `revision`.
    async fn write(&self, report: Report, revision: u64) -> Result<Kept<Report>, NotBuilt> {
        if self.ports.journal.put_report(&report, revision).await? {
            return Ok(Kept { value: report, revision: revision + 1 });
        }
        Err(NotBuilt::Lost { id: report.id })
    }

    /// Composes and writes the report that is in hand; it is seen when the journal has its files.
    async fn make(&self, kept: Kept<Report>) -> Result<Kept<Report>, NotBuilt> {
        let started = Instant::now();
        match self.files_of(&kept).await {
            Ok(files) => {
                let name = kept.value.report.clone();
                let ready = self.ready(kept, files).await?;
                histogram!("report_build_seconds", "report" => name)
                    .record(started.elapsed().as_secs_f64());
                Ok(ready)
            }
            Err(NotBuilt::Never(reason)) => Err(self.fail(kept, reason).await?),
            Err(error) => {
                let Kept { value, revision } = kept;
                let message = Some(error.to_string());
                let (state, leased_until) = (ReportState::Queued, None);
                let given_back = Report { state, leased_until, message, ..value };
                self.write(given_back, revision).await?;
                Err(error)
            }
        }
    }

    async fn files_of(&self, kept: &Kept<Report>) -> Result<Vec<ReportFile>, NotBuilt> {
        let report = &kept.value;
        let definition = self.ports.definitions.read(&report.report).await?;
        let now = self.ports.clock.now();
        let document = compose(&self.ports.sources, &definition, report, now).await?;
        files::write(&self.ports, report, &document, kept.revision).await
    }

    async fn ready(
        &self,
        kept: Kept<Report>,
        files: Vec<ReportFile>,
    ) -> Result<Kept<Report>, NotBuilt> {
        let Kept { value, revision } = kept;
        let ready = Report {
            state: ReportState::Ready,
            leased_until: None,
            message: None,
            finished_at: Some(self.ports.clock.now()),
            files: files.clone(),
            ..value
        };
        let written = self.write(ready, revision).await;
        match &written {
            Ok(ready) => {
                let Report { id, report, .. } = &ready.value;
                counter!("reports_total", "state" => ReportState::Ready.as_str()).increment(1);
                info!(report.id = %id, correlation.id = %ready.value.correlation_id,
                    "report `{id}` of `{report}` is ready");
            }
            // Whoever has it now writes files of their own.
            Err(NotBuilt::Lost { .. }) => files::sweep(&self.ports, &files).await,
            Err(_) => {}
        }
        written
    }

    /// Ends a report that cannot be built; returns what its message is told.
    async fn fail(&self, kept: Kept<Report>, reason: String) -> Result<NotBuilt, NotBuilt> {
        let Kept { value, revision } = kept;
        let failed = Report {
            state: ReportState::Failed,
            leased_until: None,
            message: Some(reason.clone()),
            finished_at: Some(self.ports.clock.now()),
            ..value
        };
        let failed = self.write(failed, revision).await?.value;
        counter!("reports_total", "state" => ReportState::Failed.as_str()).increment(1);
        warn!(report.id = %failed.id, correlation.id = %failed.correlation_id, error = %reason,
            "report `{}` of `{}` failed", failed.id, failed.report);
        Ok(NotBuilt::Never(reason))
    }

    /// Tells every receiver that was not told. One that fails keeps no other from hearing of it.
    async fn tell(&self, mut kept: Kept<Report>) -> Result<(), NotBuilt> {
        let mut left = None;
        for place in 0..kept.value.deliveries.len() {
            let Some(delivery) = kept.value.deliveries.get(place).cloned() else { continue };
            if delivery.state != DeliveryState::Pending {
                continue;
            }
            let (delivery, error) = self.try_to_tell(&kept.value, delivery).await;
            let mut next = kept.value.clone();
            if let Some(it) = next.deliveries.get_mut(place) {
                *it = delivery;
            }
            kept = self.write(next, kept.revision).await?;
            left = left.or(error);
        }
        left.map_or(Ok(()), Err)
    }

    async fn try_to_tell(
        &self,
        report: &Report,
        delivery: ReportDelivery,
    ) -> (ReportDelivery, Option<NotBuilt>) {
        let BuildPorts { news, store, clock, definitions, .. } = &self.ports;
        let title = definitions
            .read(&report.report)
            .await
            .map_or_else(|_| report.report.clone(), |it| it.title);
        let told = news.tell(delivery.to, report, &title, &**store, &**clock).await;
        let n_attempts = delivery.n_attempts + 1;
        let (state, message, error) = match told.map_err(NotBuilt::from) {
            Ok(()) => (DeliveryState::Sent, None, None),
            Err(NotBuilt::Never(reason)) => (DeliveryState::Failed, Some(reason), None),
            Err(error) => (DeliveryState::Pending, Some(error.to_string()), Some(error)),
        };
        let to = delivery.to.as_str();
        counter!("report_deliveries_total", "to" => to, "state" => state.as_str()).increment(1);
        if let Some(message) = &message {
            warn!(report.id = %report.id, error = %message,
                "the {to} was not told of report `{}`", report.id);
        }
        (ReportDelivery { state, n_attempts, message, ..delivery }, error)
    }
}

#[cfg(test)]
mod tests;
