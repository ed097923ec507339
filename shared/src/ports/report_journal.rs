//! The journal of reports: what was asked for, and what became of it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::blob_names::BlobKey;
use super::pipeline_journal::Kept;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, PersonId};
use crate::time::Timestamp;

/// What a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// Figures of the firm, and no case by name.
    Firm,
    /// One case.
    Case,
    /// The runs of one pipeline.
    Pipeline,
}

impl ReportKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Firm, Self::Case, Self::Pipeline];

    /// Returns the name used in tables, files and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firm => "firm",
            Self::Case => "case",
            Self::Pipeline => "pipeline",
        }
    }
}

/// In which form a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// One page that needs nothing else.
    Html,
    /// Pages to print.
    Pdf,
    /// Each table as text.
    Csv,
    /// Each table in columns.
    Parquet,
}

impl ReportFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Html, Self::Pdf, Self::Csv, Self::Parquet];

    /// Returns the name used in definitions, tables and answers; names of files end with it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// Returns the media type of its files.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// How far a report has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// It waits in the queue.
    Queued,
    /// Somebody builds it, or died over it.
    Building,
    /// Its files are there, for as long as they are kept.
    Ready,
    /// It cannot be built.
    Failed,
}

impl ReportState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Building, Self::Ready, Self::Failed];

    /// Returns the name used in tables, metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// Tells whether nothing more is built.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
}

/// Where a report is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportReceiver {
    /// The topic of reports, such as one of SNS.
    Topic,
    /// The signed webhook of reports.
    Webhook,
}

impl ReportReceiver {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Topic, Self::Webhook];

    /// Returns the name used in definitions and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Webhook => "webhook",
        }
    }
}

/// How far the news of a report has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, or to be sent again.
    Pending,
    /// The receiver has taken it.
    Sent,
    /// The receiver refuses it for good.
    Failed,
}

impl DeliveryState {
    /// Returns the name used in metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// The news of a report for one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportDelivery {
    /// Who hears of it.
    pub to: ReportReceiver,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was sent.
    pub n_attempts: u32,
    /// Why it did not arrive the last time.
    pub message: Option<String>,
}

impl ReportDelivery {
    /// News that nobody has sent.
    pub fn pending(to: ReportReceiver) -> Self {
        Self { to, state: DeliveryState::Pending, n_attempts: 0, message: None }
    }
}

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReportFile {
    /// Its form.
    pub format: ReportFormat,
    /// The table it holds; null for the whole report.
    pub table: Option<String>,
    /// What it is called in the store. It never changes, nor do its bytes.
    pub key: BlobKey,
    /// Its length, in bytes.
    pub n_bytes: u64,
}

/// One report: asked for, under way or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Its id.
    pub id: CorrelationId,
    /// The definition it is built by.
    #[cfg_attr(feature = "openapi", schema(example = "firm-monthly"))]
    pub report: String,
    /// What it is of.
    pub kind: ReportKind,
    /// Our id of the case, or the name of the pipeline; null for the firm.
    pub subject: Option<String>,
    /// The time it is about, such as `2026-11`; of a case the day on which it was asked for.
    #[cfg_attr(feature = "openapi", schema(example = "2026-11"))]
    pub period: String,
    /// Its forms.
    pub formats: Vec<ReportFormat>,
    /// How far it has come.
    pub state: ReportState,
    /// Why it failed, or was begun again.
    pub message: Option<String>,
    /// Who asked for it, such as `person:ann`; `schedule` for the clock.
    pub ordered_by: String,
    /// Whose sight it was made for. It stays here.
    #[serde(skip)]
    pub sight: Sight,
    /// Follows it through logs.
    pub correlation_id: CorrelationId,
    /// What the one who asked named the order by.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
    /// How often it was begun.
    pub n_attempts: u32,
    /// Until when nobody else takes it up.
    #[serde(skip)]
    pub leased_until: Option<Timestamp>,
    /// Its files, once they are there.
    pub files: Vec<ReportFile>,
    /// Who hears of it.
    pub deliveries: Vec<ReportDelivery>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was ready, or failed.
    pub finished_at: Option<Timestamp>,
}

impl Report {
    /// Returns the file in `format`: of the table `table`, or the first.
    pub fn file(&self, format: ReportFormat, table: Option<&str>) -> Option<&ReportFile> {
        self.files
            .iter()
            .find(|it| it.format == format && (table.is_none() || it.table.as_deref() == table))
    }
}

/// Who looks at reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportReader {
    /// Whoever runs the machine.
    Machine,
    /// A person.
    Person {
        /// Who.
        person: PersonId,
        /// Which cases they see.
        sight: Sight,
        /// Whether no case is hidden from them.
        sees_all: bool,
        /// Whether they may look at pipelines.
        may_pipelines: bool,
    },
}

/// Which reports to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFilter {
    /// Who looks.
    pub reader: ReportReader,
    /// The one of this id.
    pub id: Option<CorrelationId>,
    /// Those of one definition.
    pub report: Option<String>,
    /// Those of one kind.
    pub kind: Option<ReportKind>,
    /// Those that stand so.
    pub state: Option<ReportState>,
    /// Those that come behind this one: when it was asked for, and its id.
    pub before: Option<(Timestamp, CorrelationId)>,
    /// So many of them.
    pub limit: u32,
}

impl ReportFilter {
    /// Everything that `reader` may see, at most `limit` of it.
    pub fn of(reader: ReportReader, limit: u32) -> Self {
        let (id, report, kind, state, before) = (None, None, None, None, None);
        Self { reader, id, report, kind, state, before, limit }
    }
}

/// Keeps what is known of reports.
///
/// # Contract
///
/// - [`open_report`](ReportJournal::open_report) writes a report once: of reports of one definition
///   under one idempotency key, and of reports of one id, exactly one stands, and everybody gets that
///   one.
/// - [`put_report`](ReportJournal::put_report) writes only in place of the revision that was read; of
///   concurrent ones exactly one succeeds.
/// - [`reports`](ReportJournal::reports) shows a person their own reports, and those of nobody in
///   particular that are made of nothing hidden from them: of pipelines when they may look at those, of
///   the firm when they see every case. One of a case that is hidden from them is never shown, nor is
///   one of a case that was merged into such a case.
///
/// `shared::ports::report_journal_contract` checks these for every adapter.
#[async_trait]
pub trait ReportJournal: Send + Sync {
    /// Writes `report`; returns the one that stands: this one, or the one that was opened under its id
    /// or its key before.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn open_report(&self, report: &Report) -> Result<Report, PortError>;

    /// Returns a report, whoever asks.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn report(&self, id: &CorrelationId) -> Result<Option<Kept<Report>>, PortError>;

    /// Writes how `report` stands in place of `revision`; says whether it did. What was asked for
    /// never changes.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn put_report(&self, report: &Report, revision: u64) -> Result<bool, PortError>;

    /// Lists reports, the newest first.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn reports(&self, filter: &ReportFilter) -> Result<Vec<Report>, PortError>;
}
