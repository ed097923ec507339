//! Which records changed or went in a window of time, as the org's own replication log tells.
//!
//! The next window begins where the answer says that it is complete, never at "now": the org holds
//! that time back while a transaction is open. Source: REST API guide, "sObject Get Updated", "Get
//! Deleted"; knowledge article 000199029.

use adapter_http::Response;
use serde::Deserialize;
use shared::PortError;
use shared::ids::{ObjectName, SalesforceId};
use shared::time::Timestamp;

use crate::client::{RestCall, SalesforceClient};
use crate::error;

/// Which records changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdatedAnswer {
    /// These, at most 600,000, some of them perhaps twice.
    Ids {
        /// The records.
        ids: Vec<SalesforceId>,
        /// Where the next window begins.
        complete_until: Timestamp,
    },
    /// Too many for one answer: ask half the window.
    TooMany,
    /// The window begins before what the org still knows: read everything.
    LogTooShort,
}

/// A record that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedRecord {
    /// Its id.
    pub id: SalesforceId,
    /// When it went.
    pub deleted_at: Timestamp,
}

/// Which records went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeletedAnswer {
    /// These.
    Records {
        /// The records.
        records: Vec<DeletedRecord>,
        /// Where the next window begins.
        complete_until: Timestamp,
    },
    /// Too many for one answer: ask half the window.
    TooMany,
    /// The window begins before what the org still knows, so that deletes were lost: read everything.
    LogTooShort {
        /// The first instant that it still knows, when it says.
        known_from: Option<Timestamp>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    ids: Vec<SalesforceId>,
    latest_date_covered: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    deleted_records: Vec<DeletedEntry>,
    earliest_date_available: Timestamp,
    latest_date_covered: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletedEntry {
    id: SalesforceId,
    deleted_date: Timestamp,
}

/// Why a window has no answer.
enum Refusal {
    TooMany,
    LogTooShort,
}

impl Refusal {
    fn of(response: &Response) -> Option<Self> {
        error::entries(response.body()).iter().find_map(|it| match it.code.as_str() {
            "EXCEEDED_ID_LIMIT" => Some(Self::TooMany),
            "INVALID_REPLICATION_DATE" => Some(Self::LogTooShort),
            _ => None,
        })
    }
}

impl SalesforceClient {
    /// Asks which records of `object` were created or changed in `[from, until)`, at most 30 days
    /// back; both are cut to the second.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn updated(
        &self,
        object: &ObjectName,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<UpdatedAnswer, PortError> {
        let response = self.ask(&window_call("updated", object, from, until)).await?;
        if response.status().is_success() {
            let Updated { ids, latest_date_covered } = response.json()?;
            return Ok(UpdatedAnswer::Ids { ids, complete_until: latest_date_covered });
        }
        match Refusal::of(&response) {
            Some(Refusal::TooMany) => Ok(UpdatedAnswer::TooMany),
            Some(Refusal::LogTooShort) => Ok(UpdatedAnswer::LogTooShort),
            None => Err(error::error_of(&response)),
        }
    }

    /// Asks which records of `object` were deleted in `[from, until)`, at most 15 days back; both are
    /// cut to the second.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn deleted(
        &self,
        object: &ObjectName,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<DeletedAnswer, PortError> {
        let response = self.ask(&window_call("deleted", object, from, until)).await?;
        if response.status().is_success() {
            let answer: Deleted = response.json()?;
            if answer.earliest_date_available > from {
                let known_from = Some(answer.earliest_date_available);
                return Ok(DeletedAnswer::LogTooShort { known_from });
            }
            let records = answer.deleted_records.into_iter();
            let records =
                records.map(|it| DeletedRecord { id: it.id, deleted_at: it.deleted_date });
            let complete_until = answer.latest_date_covered;
            return Ok(DeletedAnswer::Records { records: records.collect(), complete_until });
        }
        match Refusal::of(&response) {
            Some(Refusal::TooMany) => Ok(DeletedAnswer::TooMany),
            Some(Refusal::LogTooShort) => Ok(DeletedAnswer::LogTooShort { known_from: None }),
            None => Err(error::error_of(&response)),
        }
    }
}

fn window_call(
    resource: &'static str,
    object: &ObjectName,
    from: Timestamp,
    until: Timestamp,
) -> RestCall {
    let name = object.as_str();
    RestCall::get(resource, name, &["sobjects", name, resource, ""])
        .with("start", window_time(from))
        .with("end", window_time(until))
}

/// Writes an instant as the guide's examples do: `2026-01-01T00:00:00+00:00`.
fn window_time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+00:00", text.split('.').next().unwrap_or(&text))
}
