//! What became of one record of a call that carried several.

use serde::Deserialize;
use shared::ids::SalesforceId;

use crate::error::{Entry, SalesforceFault};

/// A record that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub id: SalesforceId,
    /// Whether an upsert made it; `None` when the call does not say.
    pub is_created: Option<bool>,
}

/// What became of one record.
pub type RecordResult = Result<Written, SalesforceFault>;

/// A result as collections, single creates and SOAP's neighbours write it.
#[derive(Debug, Deserialize)]
pub(crate) struct ResultAnswer {
    #[serde(default)]
    id: Option<String>,
    success: bool,
    #[serde(default)]
    created: Option<bool>,
    #[serde(default)]
    errors: Vec<Entry>,
}

impl ResultAnswer {
    /// Reads the result. One without success has an error even when it also has an id; a platform
    /// event has success and an entry that says where it went.
    pub(crate) fn into_result(self) -> RecordResult {
        let unreadable = || SalesforceFault::new(None, "UNREADABLE", "", []);
        if !self.success {
            let entry = self.errors.into_iter().next();
            return Err(entry.map_or_else(unreadable, |it| it.into_fault(None)));
        }
        let id = self.id.and_then(|it| SalesforceId::parse(it).ok()).ok_or_else(unreadable)?;
        Ok(Written { id, is_created: self.created })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorClass;

    fn read(json: &str) -> RecordResult {
        serde_json::from_str::<ResultAnswer>(json).unwrap().into_result()
    }

    #[test]
    fn failure_that_has_an_id_is_a_failure() {
        let fault = read(
            r#"{"id":"001RM000003oLruYAE","success":false,"errors":[{"statusCode":"MALFORMED_ID",
            "message":"malformed id 001RM000003oLrB000","fields":[]}]}"#,
        )
        .unwrap_err();
        assert_eq!((fault.code.as_str(), fault.class), ("MALFORMED_ID", ErrorClass::Permanent));
    }

    #[test]
    fn platform_event_that_was_taken_is_a_success() {
        let written = read(
            r#"{"id":"e01xx0000000001AAA","success":true,"errors":[{"statusCode":"OPERATION_ENQUEUED",
            "message":"232fd30e-0a71-42bd-a97b-be0e329b2ded","fields":[]}]}"#,
        );
        assert!(written.is_ok(), "{written:?}");
    }

    #[test]
    fn success_without_an_id_is_no_success() {
        assert!(read(r#"{"success":true,"errors":[]}"#).is_err());
        assert!(read(r#"{"success":false}"#).is_err());
    }
}
