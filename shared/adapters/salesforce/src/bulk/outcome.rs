//! What became of the rows of an upload, as the result files tell.
//!
//! Source: Bulk API 2.0 guide, "Get job successful / failed / unprocessed record results".

use async_trait::async_trait;
use shared::PortError;
use shared::ids::SalesforceId;

use super::csv::{CsvFault, CsvRecord, RowRefusal};
use super::fault::BulkFault;
use super::ingest_plan::IngestPlan;
use super::keys::canonical;
use crate::error::SalesforceFault;

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutcome {
    /// The row's key: an id in its 18 characters, a number without an exponent.
    pub key: String,
    /// What became of it.
    pub result: RowResult,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowResult {
    /// It was written.
    Succeeded {
        /// Its id.
        id: SalesforceId,
        /// Whether it was created.
        is_created: bool,
    },
    /// It was refused; its class says what is to be done.
    Failed(SalesforceFault),
    /// The job ended before it: it is to be sent again.
    Unprocessed,
}

/// Takes what became of rows, in whatever order.
///
/// # Contract
///
/// What was taken is durable when the call returns. The same outcomes may come again, after a crash or
/// when a result file broke: taking them twice changes nothing.
#[async_trait]
pub trait IngestOutcomes: Send + Sync {
    /// Takes outcomes, up to a thousand at a time.
    ///
    /// # Errors
    ///
    /// As the store answers.
    async fn settle(&self, outcomes: &[RowOutcome]) -> Result<(), PortError>;

    /// Takes rows, by their number from 0, that cannot go by a bulk job.
    ///
    /// # Errors
    ///
    /// As the store answers.
    async fn refuse(&self, rows: &[(u64, RowRefusal)]) -> Result<(), PortError>;
}

/// A result file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultFile {
    Successful,
    Failed,
    Unprocessed,
}

impl ResultFile {
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Successful => "successfulResults",
            Self::Failed => "failedResults",
            Self::Unprocessed => "unprocessedrecords",
        }
    }
}

/// Where in a result file the columns are that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResultColumns {
    key: usize,
    id: Option<usize>,
    created: Option<usize>,
    error: Option<usize>,
}

impl ResultColumns {
    /// Finds them in the header.
    pub(super) fn find(
        plan: &IngestPlan,
        file: ResultFile,
        header: &[String],
    ) -> Result<Self, BulkFault> {
        let find = |name: &str| {
            let found = header.iter().position(|it| it.eq_ignore_ascii_case(name));
            found.ok_or_else(|| CsvFault::NoColumn { column: name.to_owned() })
        };
        let columns = Self { key: find(&plan.key)?, id: None, created: None, error: None };
        Ok(match file {
            ResultFile::Successful => {
                Self { id: Some(find("sf__Id")?), created: Some(find("sf__Created")?), ..columns }
            }
            ResultFile::Failed => Self { error: Some(find("sf__Error")?), ..columns },
            ResultFile::Unprocessed => columns,
        })
    }

    /// Reads one row.
    pub(super) fn outcome(
        self,
        plan: &IngestPlan,
        record: CsvRecord<'_>,
    ) -> Result<RowOutcome, BulkFault> {
        let cell = |idx: usize| record.cell(idx).unwrap_or_default();
        let not_of_kind = |column: &str, wanted| CsvFault::NotOfKind {
            row: record.row(),
            column: format!("`{column}`"),
            wanted,
        };
        let result = match self {
            Self { id: Some(id), created, .. } => RowResult::Succeeded {
                id: SalesforceId::parse(cell(id))
                    .map_err(|_| not_of_kind("sf__Id", "record id"))?,
                is_created: match created.map(cell) {
                    Some("true") => true,
                    Some("false") => false,
                    _ => return Err(not_of_kind("sf__Created", "true or false").into()),
                },
            },
            Self { error: Some(error), .. } => RowResult::Failed(read_error(cell(error))),
            _ => RowResult::Unprocessed,
        };
        let key = canonical(cell(self.key), plan.key_kind, plan.is_key_an_id());
        Ok(RowOutcome { key, result })
    }
}

/// Reads `CODE:message:field1,field2 --`. Of the message nothing is kept.
fn read_error(text: &str) -> SalesforceFault {
    let (code, rest) = text.split_once(':').unwrap_or((text, ""));
    let (message, fields) = rest.rsplit_once(':').unwrap_or((rest, ""));
    let fields = fields.trim_end().trim_end_matches("--").split(',');
    SalesforceFault::new(None, code.trim(), message, fields.map(|it| it.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    #[test]
    fn error_of_a_row_has_its_code_and_fields_and_no_value() {
        for (text, code, class, names) in [
            (
                "INVALID_FIELD:Failed to deserialize field at col 3. Due to, 'hunter2' is not a valid value for the type xsd:date:CloseDate --",
                "INVALID_FIELD",
                ErrorClass::Permanent,
                &["CloseDate"][..],
            ),
            (
                "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 001hunter2:--",
                "UNABLE_TO_LOCK_ROW",
                ErrorClass::RetryAlone,
                &[],
            ),
            (
                "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
                "REQUIRED_FIELD_MISSING",
                ErrorClass::Permanent,
                &["LastName"],
            ),
            (
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: caused by: UNABLE_TO_LOCK_ROW, hunter2: --",
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                ErrorClass::RetryAlone,
                &[],
            ),
            ("hunter2 was here", "UNREADABLE", ErrorClass::Permanent, &[]),
            ("", "UNREADABLE", ErrorClass::Permanent, &[]),
        ] {
            let fault = read_error(text);
            assert_eq!((fault.code.as_str(), fault.class), (code, class), "{text}");
            assert_eq!(fault.names, names, "{text}");
            assert!(!format!("{fault:?}").contains("hunter2"));
        }
    }
}
