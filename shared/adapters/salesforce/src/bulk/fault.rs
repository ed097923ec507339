//! Why a bulk job did not do what it should. No fault holds a value of a record.

use adapter_http::Response;
use shared::{PortError, PortErrorKind};

use super::csv::CsvFault;
use crate::error::SalesforceFault;

/// Why a bulk job did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkFault {
    /// A file is not what was expected.
    #[error(transparent)]
    Csv(#[from] CsvFault),
    /// An answer with status 200 is no CSV, such as a page of a proxy.
    #[error("the answer is `{content_type}`, not CSV")]
    NotCsv {
        /// What it says to be.
        content_type: String,
    },
    /// A page does not say how many records it has, so that nobody could tell whether it is whole.
    #[error("the page does not say how many records it has")]
    NoCount,
    /// A file ended early, but cleanly.
    #[error("the file has {n_read} records, {n_expected} were announced")]
    Short {
        /// The records that were read.
        n_read: u64,
        /// The records that the org announced.
        n_expected: u64,
    },
    /// The pages of a query together are not what the job processed.
    #[error("the pages hold {n_read} records, the job processed {n_processed}")]
    Incomplete {
        /// The records of all pages.
        n_read: u64,
        /// The records of the job.
        n_processed: u64,
    },
    /// A page has other columns than the first one.
    #[error("a page has other columns than the first: the object was changed meanwhile")]
    OtherColumns,
    /// The org ended the job.
    #[error("job `{job}` failed: {fault}")]
    JobFailed {
        /// The job.
        job: String,
        /// What the org says of it.
        fault: SalesforceFault,
    },
    /// Somebody ended the job.
    #[error("job `{job}` was aborted")]
    JobAborted {
        /// The job.
        job: String,
    },
    /// The job is no longer there.
    #[error("job `{job}` is no longer there")]
    JobGone {
        /// The job.
        job: String,
    },
    /// The job is in a state that it cannot be in by what we did.
    #[error("job `{job}` is `{state}`, which nobody here made it")]
    UnexpectedState {
        /// The job.
        job: String,
        /// Its state.
        state: String,
    },
    /// The page was not read to its end.
    #[error("the page was not read to its end")]
    NotRead,
    /// What was sent is not what has a result.
    #[error(
        "{n_sent} rows were sent, {n_succeeded} succeeded, {n_failed} failed and {n_unprocessed} were not processed"
    )]
    NotReconciled {
        /// Rows that were sent.
        n_sent: u64,
        /// Rows that succeeded.
        n_succeeded: u64,
        /// Rows that failed.
        n_failed: u64,
        /// Rows that were not processed.
        n_unprocessed: u64,
    },
    /// As many rows have a result as were sent, but not the same ones.
    #[error("the keys of the results are not the keys that were sent")]
    OtherKeys,
    /// The plan of a job cannot be carried out.
    #[error("{what}")]
    BadPlan {
        /// What is wrong with it, and the fix.
        what: &'static str,
    },
    /// The job was begun anew too often.
    #[error("the job was begun anew {n_times} times without an end")]
    TooOftenAnew {
        /// How often.
        n_times: u32,
    },
}

impl BulkFault {
    /// Returns the kind for workers.
    pub fn kind(&self) -> PortErrorKind {
        match self {
            Self::Csv(fault) if !fault.is_passing() => PortErrorKind::Rejected,
            Self::JobFailed { fault, .. } => fault.kind(),
            Self::JobGone { .. } => PortErrorKind::NotFound,
            Self::UnexpectedState { .. } => PortErrorKind::Conflict,
            Self::OtherColumns | Self::OtherKeys | Self::BadPlan { .. } | Self::NotRead => {
                PortErrorKind::Rejected
            }
            _ => PortErrorKind::Unavailable,
        }
    }

    /// Makes the error of a call that was answered with `answer`.
    pub(crate) fn of_answer(self, answer: &Response) -> PortError {
        answer.error(self.kind()).with_source(self)
    }
}
