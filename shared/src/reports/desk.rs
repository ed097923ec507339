//! Where reports are asked for, looked at and read, by people and programs.

mod orders;

use std::sync::Arc;
use std::time::Duration;

pub use self::orders::{Asker, OrderedReport, ReportDeskError, ReportLink, ReportOrder};
use super::definition::ReportDefinition;
use super::definitions::{ListedReport, ReportDefinitions, ReportDefinitionsError};
use super::message::ReportMessage;
use super::period::ReportPeriod;
use crate::analytics::Grain;
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::ports::{
    BlobRead, BlobStore, CaseView, Clock, LinkPurpose, PipelineJournal, PipelineRunFilter, Queue,
    Random, Report, ReportDelivery, ReportFile, ReportFilter, ReportFormat, ReportJournal,
    ReportKind, ReportState, Sha256Digest,
};

/// What the desk works with.
#[derive(Clone)]
pub struct ReportDeskPorts {
    /// What there is to ask for.
    pub definitions: ReportDefinitions,
    /// What is known of reports.
    pub journal: Arc<dyn ReportJournal>,
    /// Where they are queued.
    pub queue: Arc<dyn Queue>,
    /// Where their files are.
    pub store: Arc<dyn BlobStore>,
    /// Says who sees which case.
    pub view: Arc<dyn CaseView>,
    /// Says which pipelines there are.
    pub pipelines: Arc<dyn PipelineJournal>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names reports.
    pub random: Arc<dyn Random>,
}

/// Takes orders of reports, and hands them out to whoever may see them.
#[derive(Clone)]
pub struct ReportDesk {
    ports: ReportDeskPorts,
}

impl ReportDesk {
    /// Opens the desk.
    pub fn new(ports: ReportDeskPorts) -> Self {
        Self { ports }
    }

    /// Lists every definition; one that is broken hides no other.
    ///
    /// # Errors
    ///
    /// As the folder answers.
    pub async fn definitions(&self) -> Result<Vec<ListedReport>, PortError> {
        self.ports.definitions.list().await
    }

    /// Asks for a report. It is in the journal and in the queue when this returns.
    ///
    /// # Errors
    ///
    /// [`ReportDeskError`].
    pub async fn order(&self, order: ReportOrder) -> Result<OrderedReport, ReportDeskError> {
        let definition = self.definition(&order.report).await?;
        order.asker.may_have(definition.kind)?;
        let (mut faults, now) = (Vec::new(), self.ports.clock.now());
        let period = self.period(&definition, order.period.as_deref(), &mut faults);
        let subject = self.subject(&definition, &order, &mut faults).await?;
        if !faults.is_empty() {
            return Err(ReportDeskError::Refused(faults));
        }
        let formats = if order.formats.is_empty() { definition.formats } else { order.formats };
        let id = self.ports.random.correlation_id();
        let report = Report {
            correlation_id: order.correlation_id.unwrap_or_else(|| id.clone()),
            id,
            report: definition.name,
            kind: definition.kind,
            subject,
            period: period.to_string(),
            formats,
            state: ReportState::Queued,
            message: None,
            ordered_by: order.asker.name(),
            sight: order.asker.sight(),
            // The order of one is none of another's, whatever they call it.
            idempotency_key: order.idempotency_key.map(|it| format!("{}/{it}", order.asker.name())),
            n_attempts: 0,
            leased_until: None,
            files: Vec::new(),
            deliveries: definition.deliver.into_iter().map(ReportDelivery::pending).collect(),
            requested_at: now,
            finished_at: None,
        };
        let stands = self.ports.journal.open_report(&report).await?;
        // Whoever asks again may do so because the first order did not get into the queue.
        if stands.state == ReportState::Queued && stands.n_attempts == 0 {
            ReportMessage::send(&*self.ports.queue, &stands.id).await?;
        }
        Ok(OrderedReport { is_new: stands.id == report.id, report: stands })
    }

    async fn definition(&self, name: &str) -> Result<ReportDefinition, ReportDeskError> {
        self.ports.definitions.read(name).await.map_err(|error| match error {
            ReportDefinitionsError::Unread { source, .. } => ReportDeskError::Failed(source),
            ReportDefinitionsError::Faulty { name, faults } => {
                ReportDeskError::Faulty { name, faults }
            }
            missing @ ReportDefinitionsError::Missing { .. } => {
                ReportDeskError::NoDefinition(missing.to_string())
            }
        })
    }

    /// Reads the period that was asked for: the last that is over, when nothing is said.
    fn period(
        &self,
        definition: &ReportDefinition,
        given: Option<&str>,
        faults: &mut Vec<(&'static str, String)>,
    ) -> ReportPeriod {
        let now = self.ports.clock.now();
        if definition.kind == ReportKind::Case {
            if given.is_some() {
                faults.push(("period", "a case is told whole: leave it out".to_owned()));
            }
            return ReportPeriod::at(Grain::Day, now);
        }
        let last = ReportPeriod::last_over(definition.grain, now);
        let Some(raw) = given else { return last };
        match ReportPeriod::parse(definition.grain, raw) {
            Some(period) if period.begins_at() <= now => period,
            Some(_) => {
                faults.push(("period", format!("it has not begun: write such as `{last}`")));
                last
            }
            None => {
                faults.push((
                    "period",
                    format!("it is no period of this report: write such as `{last}`"),
                ));
                last
            }
        }
    }

    /// Finds what the report is of: our id of a case that the asker sees, or a pipeline that has run.
    async fn subject(
        &self,
        definition: &ReportDefinition,
        order: &ReportOrder,
        faults: &mut Vec<(&'static str, String)>,
    ) -> Result<Option<String>, ReportDeskError> {
        let given = order.subject.as_deref().or(definition.pipeline.as_deref());
        match (definition.kind, given) {
            (ReportKind::Firm, None) => Ok(None),
            (ReportKind::Firm, Some(_)) => {
                faults.push(("subject", "the report is of the firm: leave it out".to_owned()));
                Ok(None)
            }
            (ReportKind::Case, Some(id)) => {
                let found = self.ports.view.case(&order.asker.sight(), id).await?;
                let missing = || ReportDeskError::NoSubject(format!("there is no case `{id}`"));
                Ok(Some(found.ok_or_else(missing)?.summary.id.to_string()))
            }
            (ReportKind::Pipeline, Some(name)) => {
                let pipeline = Some(name.to_owned());
                let filter = PipelineRunFilter { pipeline, state: None, before: None, limit: 1 };
                if self.ports.pipelines.pipeline_runs(&filter).await?.is_empty() {
                    let text = format!("the pipeline `{name}` has never run");
                    return Err(ReportDeskError::NoSubject(text));
                }
                Ok(Some(name.to_owned()))
            }
            (kind, None) => {
                let kind = kind.as_str();
                faults.push(("subject", format!("it is missing: name the {kind}")));
                Ok(None)
            }
        }
    }

    /// Lists reports that `asker` may see, the newest first, behind the report `after`.
    ///
    /// # Errors
    ///
    /// [`ReportDeskError::NoReport`] when `after` is none of them.
    pub async fn reports(
        &self,
        asker: &Asker,
        filter: ReportFilter,
        after: Option<&CorrelationId>,
    ) -> Result<Vec<Report>, ReportDeskError> {
        let before = match after {
            Some(id) => {
                let last = self.found(asker, id).await?;
                Some((last.requested_at, last.id))
            }
            None => None,
        };
        let filter = ReportFilter { before, reader: asker.reader(), ..filter };
        Ok(self.ports.journal.reports(&filter).await?)
    }

    /// Returns a report. Who may see one of a case has to see that case now.
    ///
    /// # Errors
    ///
    /// [`ReportDeskError::NoReport`], in the same words when it is hidden.
    pub async fn report(
        &self,
        asker: &Asker,
        id: &CorrelationId,
    ) -> Result<Report, ReportDeskError> {
        let report = self.found(asker, id).await?;
        if let (ReportKind::Case, Some(case)) = (report.kind, &report.subject) {
            let seen = self.ports.view.case(&asker.sight(), case).await?;
            if seen.is_none() {
                return Err(ReportDeskError::NoReport { id: id.clone() });
            }
        }
        Ok(report)
    }

    async fn found(&self, asker: &Asker, id: &CorrelationId) -> Result<Report, ReportDeskError> {
        let filter = ReportFilter { id: Some(id.clone()), ..ReportFilter::of(asker.reader(), 1) };
        let found = self.ports.journal.reports(&filter).await?.into_iter().next();
        found.ok_or_else(|| ReportDeskError::NoReport { id: id.clone() })
    }

    /// Finds a file of a report that `asker` may see.
    async fn file(
        &self,
        asker: &Asker,
        id: &CorrelationId,
        format: Option<ReportFormat>,
        table: Option<&str>,
    ) -> Result<(Report, ReportFile), ReportDeskError> {
        let report = self.report(asker, id).await?;
        if report.state != ReportState::Ready {
            return Err(ReportDeskError::NotReady { id: id.clone(), state: report.state });
        }
        let holds = |it: &&ReportFile| table.is_none() || it.table.as_deref() == table;
        let first = report.files.iter().find(holds).map_or(ReportFormat::Html, |it| it.format);
        let format = format.unwrap_or(first);
        let Some(file) = report.file(format, table).cloned() else {
            let names = report.files.iter().filter(|it| it.format == format);
            let tables = names.filter_map(|it| it.table.clone()).collect();
            return Err(ReportDeskError::NoFile { format, tables });
        };
        match self.ports.store.head(&file.key).await {
            Ok(_) => Ok((report, file)),
            Err(error) if error.kind() == PortErrorKind::NotFound => {
                Err(ReportDeskError::Gone { id: id.clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a link to a file, the first without `format`, that is good for `valid_for`; without an
    /// address where the store has no links of its own.
    ///
    /// # Errors
    ///
    /// [`ReportDeskError`].
    pub async fn link(
        &self,
        asker: &Asker,
        id: &CorrelationId,
        format: Option<ReportFormat>,
        table: Option<&str>,
        valid_for: Duration,
    ) -> Result<ReportLink, ReportDeskError> {
        let (report, file) = self.file(asker, id, format, table).await?;
        if !self.has_links() {
            return Ok(ReportLink { report, file, link: None });
        }
        let expires_at = self.ports.clock.now().plus(valid_for);
        let purpose = LinkPurpose::Read { key: file.key.clone() };
        let link = self.ports.store.link(&purpose, valid_for).await?;
        Ok(ReportLink { report, file, link: Some((link, expires_at)) })
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`ReportDeskError`].
    pub async fn open(
        &self,
        asker: &Asker,
        id: &CorrelationId,
        format: Option<ReportFormat>,
        table: Option<&str>,
    ) -> Result<(Report, ReportFile, BlobRead), ReportDeskError> {
        let (report, file) = self.file(asker, id, format, table).await?;
        let read = self.ports.store.read(&file.key, None).await?;
        Ok((report, file, read))
    }

    /// Tells whether files are read from the store itself.
    pub fn has_links(&self) -> bool {
        // The port tells it in no other way without a call.
        self.ports.store.part_sent_by_link("\"0\"", &Sha256Digest::of(b"")).is_ok()
    }
}

impl Asker {
    /// Refuses a kind whose rows the asker may not see.
    fn may_have(&self, kind: ReportKind) -> Result<(), ReportDeskError> {
        use crate::auth::Permission::{CasesRead, PipelinesRead};
        let Self::Person { may_cases, may_pipelines, .. } = self else { return Ok(()) };
        match kind {
            ReportKind::Case if !may_cases => Err(ReportDeskError::Forbidden(CasesRead)),
            ReportKind::Pipeline if !may_pipelines => {
                Err(ReportDeskError::Forbidden(PipelinesRead))
            }
            _ => Ok(()),
        }
    }

    fn sight(&self) -> Sight {
        match self {
            Self::Machine => Sight::Everything,
            Self::Person { sight, .. } => sight.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
