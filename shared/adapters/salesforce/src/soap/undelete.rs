//! Takes records out of the recycle bin.

use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};

use super::envelope::{push, record_result};
use crate::client::{PLATFORM, SalesforceClient, WriteOptions};
use crate::rest::RecordResult;

/// The most records in a call. Source: SOAP API guide, "undelete".
const MAX_RECORDS: usize = 200;

/// A call that no org takes, or an answer that is not one a record.
#[derive(Debug, thiserror::Error)]
enum BadUndelete {
    #[error("{n_records} records in one call: write 1 to {MAX_RECORDS}")]
    Size { n_records: usize },
    #[error("{n_records} records have {n_results} results")]
    ResultsDiffer { n_records: usize, n_results: usize },
}

impl SalesforceClient {
    /// Takes up to 200 records out of the recycle bin; the results stand in their order.
    ///
    /// # Errors
    ///
    /// `Rejected` for too many, else as the org answers to the whole.
    pub async fn undelete(&self, ids: &[SalesforceId]) -> Result<Vec<RecordResult>, PortError> {
        let n_records = ids.len();
        let error = |kind, cause: BadUndelete| {
            PortError::new(kind, PLATFORM, "undelete", "records").with_source(cause)
        };
        if n_records == 0 || n_records > MAX_RECORDS {
            return Err(error(PortErrorKind::Rejected, BadUndelete::Size { n_records }));
        }
        let mut body = String::from("<undelete>");
        for id in ids {
            push(&mut body, "ids", id.as_str());
        }
        body.push_str("</undelete>");
        let options = WriteOptions::default();
        let answer = self.soap("undelete", "records", "undelete", &body, &options).await?;
        let results: Vec<RecordResult> = answer.all("result").map(record_result).collect();
        match results.len() {
            n if n == n_records => Ok(results),
            n_results => {
                let cause = BadUndelete::ResultsDiffer { n_records, n_results };
                Err(error(PortErrorKind::Unavailable, cause))
            }
        }
    }
}
