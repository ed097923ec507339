//! What is asked of the desk, and what it answers.

use crate::auth::{Permission, Sight};
use crate::error::PortError;
use crate::etl::PipelineFault;
use crate::ids::{CorrelationId, PersonId};
use crate::ports::{BlobLink, Report, ReportFile, ReportFormat, ReportReader, ReportState};
use crate::time::Timestamp;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
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
        /// Whether they may look at cases.
        may_cases: bool,
        /// Whether they may look at pipelines.
        may_pipelines: bool,
    },
}

impl Asker {
    /// Names who asks, as the journal keeps it.
    pub fn name(&self) -> String {
        match self {
            Self::Machine => "command".to_owned(),
            Self::Person { person, .. } => format!("person:{person}"),
        }
    }

    pub(super) fn reader(&self) -> ReportReader {
        match self {
            Self::Machine => ReportReader::Machine,
            Self::Person { person, sight, sees_all, may_pipelines, .. } => ReportReader::Person {
                person: person.clone(),
                sight: sight.clone(),
                sees_all: *sees_all,
                may_pipelines: *may_pipelines,
            },
        }
    }
}

/// Asks for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportOrder {
    /// The definition.
    pub report: String,
    /// The case, by our id or its id at its source, or the pipeline.
    pub subject: Option<String>,
    /// The period; without one the last that is over.
    pub period: Option<String>,
    /// The formats; none for those of the definition.
    pub formats: Vec<ReportFormat>,
    /// Who asks: the report shows what they may see.
    pub asker: Asker,
    /// Names the order: asking again under it makes no second report.
    pub idempotency_key: Option<String>,
    /// Follows it through logs; without one, the report's own id does.
    pub correlation_id: Option<CorrelationId>,
}

/// A report that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedReport {
    /// The report.
    pub report: Report,
    /// Whether it is of this order, and not of one under the same key before.
    pub is_new: bool,
}

/// Where a file of a report is.
#[derive(Debug)]
pub struct ReportLink {
    /// The report.
    pub report: Report,
    /// The file.
    pub file: ReportFile,
    /// Its address, and until when it is good; `None` where the store has no links.
    pub link: Option<(BlobLink, Timestamp)>,
}

/// Why the desk does not do something.
#[derive(Debug, thiserror::Error)]
pub enum ReportDeskError {
    /// There is no such definition.
    #[error("{0}")]
    NoDefinition(String),
    /// The definition cannot be used.
    #[error("the definition of `{name}` has {} faults", .faults.len())]
    Faulty {
        /// The name.
        name: String,
        /// Everything that is wrong.
        faults: Vec<PipelineFault>,
    },
    /// There is no such case or pipeline.
    #[error("{0}")]
    NoSubject(String),
    /// There is no such report, or it is hidden.
    #[error("there is no report `{id}`")]
    NoReport {
        /// Its id.
        id: CorrelationId,
    },
    /// The report has no files yet, or never will.
    #[error("report `{id}` is {}", .state.as_str())]
    NotReady {
        /// Its id.
        id: CorrelationId,
        /// How it stands.
        state: ReportState,
    },
    /// The report was not made so.
    #[error("the report has no such `{}`{}", .format.as_str(), or_tables(.tables))]
    NoFile {
        /// The format.
        format: ReportFormat,
        /// The tables that there are in it.
        tables: Vec<String>,
    },
    /// Its files are not kept any more.
    #[error("the files of report `{id}` are no longer kept: ask for it again")]
    Gone {
        /// Its id.
        id: CorrelationId,
    },
    /// Whoever asks may not look at what it is of.
    #[error("this needs the permission `{0}`")]
    Forbidden(Permission),
    /// The order is wrong: each part with what to write instead.
    #[error("{}", listed(.0))]
    Refused(Vec<(&'static str, String)>),
    /// A store or the queue failed.
    #[error("a store of reports failed")]
    Failed(#[from] PortError),
}

fn or_tables(tables: &[String]) -> String {
    if tables.is_empty() {
        String::new()
    } else {
        format!(": its tables are `{}`", tables.join("`, `"))
    }
}

fn listed(faults: &[(&'static str, String)]) -> String {
    let faults = faults.iter().map(|(field, text)| format!("{field}: {text}"));
    faults.collect::<Vec<_>>().join("; ")
}
