//! What a refusal of the org means for whoever sent the record, in words for people.

use shared::ids::ObjectName;
use shared::ports::{Refusal, RefusalClass, Setback, WriteResult};

use crate::error::{ErrorClass, Replan, SalesforceFault};
use crate::setup::EXTERNAL_ID;

use RefusalClass::{Alone, Gone, Later, Permanent};

/// Codes that say something else of one record than their class says of a call.
const BY_CODE: &[(&str, RefusalClass)] = &[("ENTITY_IS_DELETED", Gone)];

/// Codes that may be about the record itself, or about one that a lookup of it points to.
const UNCLEAR: &[&str] = &["INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "NOT_FOUND"];

/// What a reading after the refusal says of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is there.
    Live,
    /// It lies in the recycle bin, or is gone for good.
    Gone,
    /// It was not read.
    Unknown,
}

/// Returns what can be done about a refusal of one record.
pub(super) fn class_of(fault: &SalesforceFault) -> RefusalClass {
    let by_code = fault.known().and_then(|known| {
        let found = BY_CODE.iter().find(|(code, _)| *code == known.code);
        found.map(|(_, class)| *class)
    });
    by_code.unwrap_or_else(|| by_class(fault.class))
}

/// What a class of error means for one record.
fn by_class(class: ErrorClass) -> RefusalClass {
    match class {
        ErrorClass::RetryAlone | ErrorClass::Replan(Replan::SmallerCall) => Alone,
        // The record is not at fault: the org, the limits or the login are.
        ErrorClass::Retryable
        | ErrorClass::Throttled(_)
        | ErrorClass::Auth
        | ErrorClass::ConnectionPermanent
        | ErrorClass::Replan(
            Replan::RestartQuery | Replan::HalveWindow | Replan::FullResync | Replan::ReadJobState,
        ) => Later,
        ErrorClass::Conflict | ErrorClass::Permanent | ErrorClass::Replan(Replan::DescribeAnew) => {
            Permanent
        }
    }
}

/// Tells whether it is unclear which record a refusal is about.
pub(super) fn is_unclear(fault: &SalesforceFault) -> bool {
    fault.known().is_some_and(|known| UNCLEAR.contains(&known.code))
}

/// Tells whether a refusal says that somebody changed the record after the guard.
fn is_changed(fault: &SalesforceFault) -> bool {
    fault.status == Some(412)
        || fault.known().is_some_and(|it| it.code == "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE")
}

/// Says why, and what to do.
pub(super) fn setback(fault: &SalesforceFault) -> Setback {
    let words = match fault.known() {
        Some(known) => format!("{} {}", known.meaning, known.fix),
        None => "Salesforce refuses the record for a reason that is not known here. Save the same \
                 values by hand in Salesforce: it says there what is wrong."
            .to_owned(),
    };
    Setback { code: fault.code.clone(), words, fields: fault.names.clone() }
}

/// Makes the result of a write that was refused.
pub(super) fn refused(class: RefusalClass, fault: &SalesforceFault) -> WriteResult {
    WriteResult::Refused(Refusal { class, setback: setback(fault) })
}

/// Makes the result of a write to a record that is there, as far as is known.
pub(super) fn refused_known(fault: &SalesforceFault, seen: Seen) -> WriteResult {
    if is_changed(fault) {
        return WriteResult::Changed;
    }
    match (is_unclear(fault), seen) {
        (true, Seen::Gone) => refused(Gone, fault),
        (true, Seen::Live) => refused_lookup(fault),
        (true, Seen::Unknown) => refused(Later, fault),
        (false, _) => refused(class_of(fault), fault),
    }
}

/// Makes the result of a write that was to make a record, which cannot be gone.
pub(super) fn refused_new(fault: &SalesforceFault) -> WriteResult {
    if is_unclear(fault) { refused_lookup(fault) } else { refused(class_of(fault), fault) }
}

/// Makes the result of a row of a job. What is unclear there becomes clear when it goes by itself.
pub(super) fn refused_row(fault: &SalesforceFault, is_new: bool) -> WriteResult {
    match (is_unclear(fault), is_new) {
        (true, true) => refused_lookup(fault),
        (true, false) => refused(Alone, fault),
        (false, _) => refused(class_of(fault), fault),
    }
}

fn refused_lookup(fault: &SalesforceFault) -> WriteResult {
    let words = "A lookup of the record points to one that is not there, was deleted, or is not of \
                 that object. Restore or sync the other record first, or correct the lookup.";
    let setback = Setback { words: words.to_owned(), ..setback(fault) };
    WriteResult::Refused(Refusal { class: Permanent, setback })
}

/// Makes the result of a row that its job ended before.
pub(super) fn unprocessed() -> WriteResult {
    let setback = Setback {
        code: "unprocessed".to_owned(),
        words: "The bulk job ended before this record. Nothing: it is sent again.".to_owned(),
        fields: Vec::new(),
    };
    WriteResult::Refused(Refusal { class: Later, setback })
}

/// Says that the org lacks the field by which new records are known again.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{object}` has no field `{EXTERNAL_ID}` that the integration user may write, by which new \
     records are known again: run the set-up of the connection, which makes it, and show the field \
     to the integration user with a permission set"
)]
pub(super) struct NoExternalId {
    pub(super) object: ObjectName,
}

impl NoExternalId {
    pub(super) fn refused(&self) -> WriteResult {
        let setback = Setback {
            code: "no_external_id".to_owned(),
            words: self.to_string(),
            fields: vec![EXTERNAL_ID.to_owned()],
        };
        WriteResult::Refused(Refusal { class: Permanent, setback })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn fault(code: &str, message: &str) -> SalesforceFault {
        SalesforceFault::new(None, code, message, [])
    }

    fn class(result: &WriteResult) -> Option<RefusalClass> {
        match result {
            WriteResult::Refused(refusal) => Some(refusal.class),
            _ => None,
        }
    }

    #[test]
    fn every_code_has_a_class_and_words_with_a_fix() {
        for known in ErrorCode::all() {
            let fault = fault(known.code, "hunter2");
            let wanted = match known.code {
                "ENTITY_IS_DELETED" => Gone,
                "UNABLE_TO_LOCK_ROW"
                | "TOO_MANY_LOCK_FAILURE"
                | "RECORD_IN_USE_BY_WORKFLOW"
                | "ALL_OR_NONE_OPERATION_ROLLED_BACK"
                | "PROCESSING_HALTED"
                | "BATCH_PROCESSING_HALTED"
                | "QUERY_TOO_COMPLICATED"
                | "OPERATION_TOO_LARGE" => Alone,
                _ => match fault.kind() {
                    shared::PortErrorKind::Unavailable | shared::PortErrorKind::RateLimited => {
                        Later
                    }
                    _ if known.class == ErrorClass::Auth
                        || known.class == ErrorClass::ConnectionPermanent
                        || matches!(known.class, ErrorClass::Replan(it) if it != Replan::DescribeAnew) =>
                    {
                        Later
                    }
                    _ => Permanent,
                },
            };
            assert_eq!(class_of(&fault), wanted, "{}", known.code);
            let Setback { code, words, .. } = setback(&fault);
            assert_eq!(code, known.code);
            assert!(words.len() > known.meaning.len() + 5, "{words}");
            assert!(!words.contains("hunter2"));
        }
    }

    #[test]
    fn limits_of_the_orgs_own_code_are_for_one_record_alone() {
        let apex = "T: System.LimitException: Apex CPU time limit exceeded";
        let fault = fault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", apex);
        assert_eq!(class_of(&fault), Alone);
        let other = self::fault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: caused by: x");
        assert_eq!(class_of(&other), Permanent);
    }

    #[test]
    fn code_of_tomorrow_is_for_a_person() {
        let fault = fault("FROM_TOMORROW", "hunter2");
        assert_eq!(class_of(&fault), Permanent);
        assert!(!format!("{:?}", setback(&fault)).contains("hunter2"));
    }

    #[test]
    fn bad_reference_is_about_the_record_only_when_it_is_gone() {
        for code in UNCLEAR {
            let fault = fault(code, "");
            assert_eq!(class(&refused_known(&fault, Seen::Gone)), Some(Gone));
            assert_eq!(class(&refused_known(&fault, Seen::Live)), Some(Permanent));
            assert_eq!(class(&refused_known(&fault, Seen::Unknown)), Some(Later));
            assert_eq!(class(&refused_new(&fault)), Some(Permanent));
            assert_eq!(class(&refused_row(&fault, false)), Some(Alone));
            assert_eq!(class(&refused_row(&fault, true)), Some(Permanent));
        }
        let stale = fault("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", "");
        assert_eq!(refused_known(&stale, Seen::Live), WriteResult::Changed);
    }
}
