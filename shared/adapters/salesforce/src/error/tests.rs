//! Every code, and the error bodies that were recorded, through the reader.

use shared::PortErrorKind;

use super::ErrorClass::{
    Auth, Conflict, ConnectionPermanent, Permanent, Replan as Ask, RetryAlone, Retryable, Throttled,
};
use super::Replan::{
    DescribeAnew, FullResync, HalveWindow, ReadJobState, RestartQuery, SmallerCall,
};
use super::Window::{Day, Moment};
use super::*;

/// The codes as each source spells them.
const CLASSES: &[(ErrorClass, &[&str])] = &[
    (
        Retryable,
        &[
            "SERVER_UNAVAILABLE",
            "REQUEST_RUNNING_TOO_LONG",
            "QUERY_TIMEOUT",
            "TXN_SECURITY_METERING_ERROR",
            "UNKNOWN_EXCEPTION",
            "ALREADY_IN_PROCESS",
            "TOO_MANY_APEX_REQUESTS",
            "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
            "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE",
            "PLATFORM_EVENT_PUBLISH_FAILED",
            "Timeout",
            "Unknown",
        ],
    ),
    (
        RetryAlone,
        &[
            "UNABLE_TO_LOCK_ROW",
            "TooManyLockFailure",
            "RECORD_IN_USE_BY_WORKFLOW",
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "PROCESSING_HALTED",
            "BATCH_PROCESSING_HALTED",
        ],
    ),
    (Auth, &["INVALID_SESSION_ID", "InvalidSessionId", "sf:INVALID_SESSION_ID"]),
    (
        Throttled(Day),
        &[
            "REQUEST_LIMIT_EXCEEDED",
            "ExceededQuota",
            "LIMIT_EXCEEDED",
            "subscription.limit.exceeded",
        ],
    ),
    (Ask(RestartQuery), &["INVALID_QUERY_LOCATOR"]),
    (Ask(HalveWindow), &["EXCEEDED_ID_LIMIT"]),
    (Ask(FullResync), &["INVALID_REPLICATION_DATE"]),
    (Ask(SmallerCall), &["QUERY_TOO_COMPLICATED", "OPERATION_TOO_LARGE"]),
    (Ask(DescribeAnew), &["INVALID_FIELD"]),
    (Ask(ReadJobState), &["InvalidJobState", "INVALIDJOBSTATE"]),
    (
        Conflict,
        &[
            "ENTITY_IS_DELETED",
            "ENTITY_IS_LOCKED",
            "DUPLICATES_DETECTED",
            "DUPLICATE_VALUE",
            "DUPLICATE_EXTERNAL_ID",
            "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE",
            "DUPLICATE_DEVELOPER_NAME",
        ],
    ),
    (
        Permanent,
        &[
            "REQUIRED_FIELD_MISSING",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "STRING_TOO_LONG",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "FIELD_INTEGRITY_EXCEPTION",
            "INVALID_CROSS_REFERENCE_KEY",
            "INSUFFICIENT_ACCESS_OR_READONLY",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "INVALID_EMAIL_ADDRESS",
            "MALFORMED_ID",
            "INVALID_TYPE",
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "JSON_PARSER_ERROR",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "STORAGE_LIMIT_EXCEEDED",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "CIRCULAR_DEPENDENCY",
            "INACTIVE_OWNER_OR_USER",
            "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET",
            "MERGE_FAILED",
            "MALFORMED_QUERY",
            "NOT_FOUND",
            "NotFound",
            "MethodNotAllowed",
            "OPERATION_NOT_ALLOWED",
            "ClientInputError",
            "InvalidBatch",
            "InvalidJob",
            "FeatureNotEnabled",
            "INVALIDENTITY",
            "API_ERROR",
            "InvalidOperation",
            "InvalidUrl",
            "PLATFORM_EVENT_ENCRYPTION_ERROR",
        ],
    ),
    (
        ConnectionPermanent,
        &[
            "API_DISABLED_FOR_ORG",
            "API_CURRENTLY_DISABLED",
            "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
            "LOGIN_MUST_USE_SECURITY_TOKEN",
            "IP_RANGE_LIMIT_EXCEEDED",
            "invalid_grant",
            "InvalidUser",
        ],
    ),
];

#[test]
fn every_code_has_its_class_words_and_a_fix() {
    for (class, codes) in CLASSES {
        for code in *codes {
            let known = ErrorCode::find(code).unwrap_or_else(|| panic!("`{code}` is not known"));
            assert_eq!(known.class, *class, "{code}");
            assert!(known.meaning.ends_with('.') && known.fix.ends_with('.'), "{code}");
        }
    }
}

#[test]
fn no_code_stands_twice() {
    for (idx, one) in ErrorCode::all().iter().enumerate() {
        assert_eq!(ErrorCode::all().iter().position(|it| it.code == one.code), Some(idx));
        assert_eq!(ErrorCode::find(one.code), Some(one));
    }
    assert_eq!(ErrorCode::find("INVALID_FIEL"), None);
    assert_eq!(ErrorCode::find("INVALID_FIELDS"), None);
    assert_eq!(ErrorCode::find(""), None);
}

/// A recorded body and what it means; of its words only the code and names may be kept.
struct Recorded {
    status: u16,
    body: &'static str,
    code: &'static str,
    class: ErrorClass,
    kind: PortErrorKind,
    names: &'static [&'static str],
}

const fn recorded(
    status: u16,
    body: &'static str,
    (code, class): (&'static str, ErrorClass),
    kind: PortErrorKind,
    names: &'static [&'static str],
) -> Recorded {
    Recorded { status, body, code, class, kind, names }
}

#[rustfmt::skip]
const RECORDED: &[Recorded] = &[
    recorded(400, r#"[{"message":"At least 1 record is required","errorCode":"REQUIRED_FIELD_MISSING"}]"#, ("REQUIRED_FIELD_MISSING", Permanent), PortErrorKind::Rejected, &[]),
    recorded(400, r#"[{"message":"No such column 'AccountNumer' on sobject of type Account","errorCode":"INVALID_FIELD"}]"#, ("INVALID_FIELD", Ask(DescribeAnew)), PortErrorKind::Rejected, &["AccountNumer"]),
    recorded(400, r#"[{"message":"\nName,BillingCity,IsDeleted FROM Accout\n                                ^\nERROR at Row:1:Column:43\nsObject type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.","errorCode":"INVALID_TYPE"}]"#, ("INVALID_TYPE", Permanent), PortErrorKind::Rejected, &["Accout"]),
    recorded(400, r#"[{"message":"\n...^\nERROR at Row:1:Column:486\nNo such column 'RecordTypeId' on entity 'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.","errorCode":"INVALID_FIELD"}]"#, ("INVALID_FIELD", Ask(DescribeAnew)), PortErrorKind::Rejected, &["RecordTypeId"]),
    recorded(400, r#"[{"message":"Unable to create/update fields: MasterRecordId. Please check the security settings of this field and verify that it is read/write for your profile or permission set.","errorCode":"INVALID_FIELD_FOR_INSERT_UPDATE","fields":["MasterRecordId"]}]"#, ("INVALID_FIELD_FOR_INSERT_UPDATE", Permanent), PortErrorKind::Rejected, &["MasterRecordId"]),
    recorded(404, r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#, ("NOT_FOUND", Permanent), PortErrorKind::NotFound, &[]),
    recorded(404, r#"[{"errorCode":"NOT_FOUND","message":"Provided external ID field does not exist or is not accessible: X__c"}]"#, ("NOT_FOUND", Permanent), PortErrorKind::NotFound, &[]),
    recorded(404, r#"[{"message":"entity is deleted","errorCode":"ENTITY_IS_DELETED","fields":[]}]"#, ("ENTITY_IS_DELETED", Conflict), PortErrorKind::Conflict, &[]),
    recorded(400, r#"[{"message":"Required fields are missing: [LastName]","errorCode":"REQUIRED_FIELD_MISSING","fields":["LastName"]}]"#, ("REQUIRED_FIELD_MISSING", Permanent), PortErrorKind::Rejected, &["LastName"]),
    recorded(400, r#"[{"message":"unable to obtain exclusive access to this record or 1 records: 001...","errorCode":"UNABLE_TO_LOCK_ROW","fields":[]}]"#, ("UNABLE_TO_LOCK_ROW", RetryAlone), PortErrorKind::Unavailable, &[]),
    recorded(403, r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#, ("REQUEST_LIMIT_EXCEEDED", Throttled(Day)), PortErrorKind::RateLimited, &[]),
    recorded(403, r#"[{"message":"ConcurrentPerOrgLongTxn Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#, ("REQUEST_LIMIT_EXCEEDED", Throttled(Moment)), PortErrorKind::RateLimited, &[]),
    recorded(400, r#"[{"message":"invalid query locator","errorCode":"INVALID_QUERY_LOCATOR"}]"#, ("INVALID_QUERY_LOCATOR", Ask(RestartQuery)), PortErrorKind::NotFound, &[]),
    recorded(400, r#"[{"message":"'FIELDS(...)' expansion function must result in at least one field being selected.","errorCode":"MALFORMED_QUERY"}]"#, ("MALFORMED_QUERY", Permanent), PortErrorKind::Rejected, &[]),
    recorded(400, r#"[{"errorCode":"API_ERROR","message":"Error encountered when deleting the job because the job is not terminated"}]"#, ("API_ERROR", Retryable), PortErrorKind::Unavailable, &[]),
    recorded(401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#, ("INVALID_SESSION_ID", Auth), PortErrorKind::Denied, &[]),
    recorded(400, r#"{"id":"001RM000003oLruYAE","success":false,"errors":[],"statusCode":"MALFORMED_ID","message":"malformed id 001RM000003oLrB000","fields":[]}"#, ("MALFORMED_ID", Permanent), PortErrorKind::Rejected, &[]),
    recorded(400, r#"[{"message":"LetterTrigger: execution of BeforeInsert caused by: System.DmlException: UNABLE_TO_LOCK_ROW, hunter2","errorCode":"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}]"#, ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", RetryAlone), PortErrorKind::Unavailable, &[]),
    recorded(400, r#"[{"message":"Field name not found : StageName_x on purpose","errorCode":"InvalidBatch"}]"#, ("InvalidBatch", Permanent), PortErrorKind::Rejected, &["StageName_x"]),
    recorded(400, r#"[{"message":"Name: bad value hunter2","errorCode":"hunter2 is no code","fields":["Name","hunter 2"]}]"#, ("UNREADABLE", Permanent), PortErrorKind::Rejected, &["Name"]),
    recorded(503, r#"[{"message":"x","errorCode":"A_CODE_OF_TOMORROW"}]"#, ("A_CODE_OF_TOMORROW", Retryable), PortErrorKind::Unavailable, &[]),
    recorded(403, r#"[{"message":"x","errorCode":"A_CODE_OF_TOMORROW"}]"#, ("A_CODE_OF_TOMORROW", Permanent), PortErrorKind::Denied, &[]),
];

#[test]
fn recorded_bodies_have_their_meaning_and_lose_their_words() {
    for Recorded { status, body, code, class, kind, names } in RECORDED {
        let entry = entries(body.as_bytes()).into_iter().next().unwrap();
        let fault = entry.into_fault(Some(*status));
        assert_eq!(
            (fault.code.as_str(), fault.class, fault.kind()),
            (*code, *class, *kind),
            "{body}"
        );
        assert_eq!(fault.names, *names, "{body}");
        let shown = format!("{fault} {fault:?}");
        assert!(!shown.contains("hunter") && !shown.contains("001RM"), "{shown}");
    }
}

#[test]
fn pages_of_the_edge_and_empty_bodies_have_no_entries() {
    for body in ["", "<h1>Bad Message 414</h1>", "<Errors><Error/></Errors>", "[]", "null", "{}"] {
        assert!(entries(body.as_bytes()).is_empty(), "{body}");
    }
}

#[test]
fn duplicate_rule_says_whether_the_record_may_be_saved() {
    let body = r#"[{"message":"Use one of these records?","errorCode":"DUPLICATES_DETECTED","fields":[],
        "duplicateResult":{"allowSave":true,"duplicateRule":"Standard_Contact_Duplicate_Rule",
        "matchResults":[{"matchRecords":[{"record":{"Id":"003","Email":"hunter2@b.c"}}]}]}}]"#;
    let fault = entries(body.as_bytes()).into_iter().next().unwrap().into_fault(Some(400));
    assert_eq!((fault.class, fault.allows_save), (Conflict, Some(true)));
    assert!(!format!("{fault:?}").contains("hunter2"));
}

#[test]
fn limits_say_how_long_to_stay_away() {
    let of =
        |message| SalesforceFault::new(Some(403), "REQUEST_LIMIT_EXCEEDED", message, []).pause();
    assert!(of("TotalRequests Limit exceeded.") > of("ConcurrentRequests Limit exceeded."));
    assert_eq!(SalesforceFault::new(Some(400), "INVALID_FIELD", "", []).pause(), None);
}

#[test]
fn page_for_people_is_what_the_table_says() {
    let published = include_str!("../../../../../docs/salesforce-errors.md");
    assert!(
        published == error_reference(),
        "write it anew: cargo run -p adapter-salesforce --example error_reference > docs/salesforce-errors.md"
    );
}
