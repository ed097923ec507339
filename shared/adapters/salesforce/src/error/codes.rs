//! Every error code of Salesforce that we know: what it means and what to do.
//!
//! Sources: REST API guide, "Status codes and error responses"; Bulk API 2.0 guide, "Errors"; SOAP API
//! guide, "Error codes"; Platform Events and Change Data Capture guides. `docs/salesforce-errors.md`
//! is made of this table.

use super::class::ErrorClass::{
    self, Auth, Conflict, ConnectionPermanent, Permanent, Replan as Ask, RetryAlone, Retryable,
    Throttled,
};
use super::class::Replan::{
    DescribeAnew, FullResync, HalveWindow, ReadJobState, RestartQuery, SmallerCall,
};
use super::class::Window::{Day, Moment};

/// A code, and what we know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The code, as the REST API writes it where it has several spellings.
    pub code: &'static str,
    /// What is done about it.
    pub class: ErrorClass,
    /// What it means, in plain words.
    pub meaning: &'static str,
    /// What a person can do, when it does not pass by itself.
    pub fix: &'static str,
}

impl ErrorCode {
    /// Returns what is known of `code`, whose spelling differs from one API to the next:
    /// `InvalidSessionId`, `INVALID_SESSION_ID` and `sf:INVALID_SESSION_ID` are one.
    pub fn find(code: &str) -> Option<&'static Self> {
        let code = code.rsplit(':').next().unwrap_or(code);
        CODES.iter().find(|it| is_same(it.code, code))
    }

    /// Returns every code, in the order of `docs/salesforce-errors.md`.
    pub fn all() -> &'static [Self] {
        CODES
    }
}

/// Compares two spellings: neither case nor underscores count.
fn is_same(known: &str, code: &str) -> bool {
    let mut given = code.bytes().filter(|it| *it != b'_');
    let mut letters = known.bytes().filter(|it| *it != b'_');
    letters.all(|letter| given.next().is_some_and(|it| it.eq_ignore_ascii_case(&letter)))
        && given.next().is_none()
}

const fn code(
    code: &'static str,
    class: ErrorClass,
    meaning: &'static str,
    fix: &'static str,
) -> ErrorCode {
    ErrorCode { code, class, meaning, fix }
}

const PASSES: &str = "Nothing: it passes.";

#[rustfmt::skip]
const CODES: &[ErrorCode] = &[
    // What passes.
    code("SERVER_UNAVAILABLE", Retryable, "The org is briefly not reachable.", PASSES),
    code("UNABLE_TO_LOCK_ROW", RetryAlone, "Somebody else writes the record, or one it belongs to, at this moment.", "When it happens often: find the flow or trigger that updates the parent record, or lower the number of parallel loads in the org."),
    code("TOO_MANY_LOCK_FAILURE", RetryAlone, "A bulk job met too many locked records.", "Let no other load write the same object at the same time."),
    code("RECORD_IN_USE_BY_WORKFLOW", RetryAlone, "A workflow holds the record at this moment.", PASSES),
    code("REQUEST_RUNNING_TOO_LONG", Retryable, "The call took longer than Salesforce allows.", "When it persists: sync fewer fields, or ask Salesforce for an index on the filter field."),
    code("QUERY_TIMEOUT", Retryable, "The query took longer than two minutes.", "When it persists: narrow the filter of the mapping, or ask Salesforce for an index on the filter field."),
    code("TIMEOUT", Retryable, "A bulk job took too long.", "When it persists: look at triggers and flows of the object."),
    code("TXN_SECURITY_METERING_ERROR", Retryable, "A transaction security policy of the org could not be evaluated in time.", "Exempt the integration user from the policy."),
    code("UNKNOWN_EXCEPTION", Retryable, "Salesforce had an internal error.", "When it persists: open a case with Salesforce support and quote the error id in the org's log."),
    code("UNKNOWN", Retryable, "A bulk job had an internal error.", "When it persists: open a case with Salesforce support and quote the job's id."),
    code("ALREADY_IN_PROCESS", Retryable, "The same work is being done already.", PASSES),
    code("TOO_MANY_APEX_REQUESTS", Retryable, "Too many triggers run at once.", "When it happens often: lower the load, or make the triggers of the object cheaper."),
    code("INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", Retryable, "Salesforce is being maintained and takes no writes.", PASSES),
    code("PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", Retryable, "The event bus is briefly not reachable.", PASSES),
    code("PLATFORM_EVENT_PUBLISH_FAILED", Retryable, "The event bus did not take an event.", PASSES),
    // What was rolled back with others.
    code("ALL_OR_NONE_OPERATION_ROLLED_BACK", RetryAlone, "The record was good; another in the same call was not.", "Nothing: it is sent again without the others."),
    code("PROCESSING_HALTED", RetryAlone, "An earlier part of the same call failed.", "Nothing: it is sent again without the others."),
    code("BATCH_PROCESSING_HALTED", RetryAlone, "An earlier part of the same batch failed.", "Nothing: it is sent again without the others."),
    // The session.
    code("INVALID_SESSION_ID", Auth, "The session has ended.", "When a new login does not mend it: check the session settings of the connected app."),
    // Limits.
    code("REQUEST_LIMIT_EXCEEDED", Throttled(Day), "The org has used its API calls of the last 24 hours, or too many long calls run at once.", "Look at `moodbridge costs` for what used them; sync less often, or buy API calls."),
    code("LIMIT_EXCEEDED", Throttled(Day), "A limit of the org is reached.", "Look at Setup, Company Information, for the limit that is used up."),
    code("EXCEEDED_QUOTA", Throttled(Day), "The org has used its bulk jobs or batches of the last 24 hours.", "Let other tools start fewer bulk jobs."),
    code("EXCEEDED", Throttled(Day), "The org has used its bulk query jobs of the last 24 hours.", "Let other tools start fewer bulk jobs."),
    code("subscription.limit.exceeded", Throttled(Day), "The org has delivered its events of the last 24 hours.", "Set a filter on the channel, or buy event delivery."),
    // What is asked in another way.
    code("INVALID_QUERY_LOCATOR", Ask(RestartQuery), "A query was left unread for two days, or another user began it.", "Nothing: it is asked again."),
    code("EXCEEDED_ID_LIMIT", Ask(HalveWindow), "More than 600,000 records changed in the window of time.", "Nothing: smaller windows are asked."),
    code("INVALID_REPLICATION_DATE", Ask(FullResync), "The window begins before what the org still knows.", "Nothing: everything is read again. It takes long: keep the connection from standing still for weeks."),
    code("QUERY_TOO_COMPLICATED", Ask(SmallerCall), "The query has too many conditions, or its formula fields are too long.", "Map fewer formula fields, or simplify the filter of the mapping."),
    code("OPERATION_TOO_LARGE", Ask(SmallerCall), "The query reads too much at once.", "Narrow the filter of the mapping."),
    code("INVALID_FIELD", Ask(DescribeAnew), "A field does not exist, or the integration user may not see it.", "Give the integration user access to the field, or take it out of the mapping."),
    code("INVALID_JOB_STATE", Ask(ReadJobState), "A bulk job is in another state than was thought.", "Nothing: its state is read."),
    // What two sides see differently.
    code("ENTITY_IS_DELETED", Conflict, "The record was deleted in Salesforce.", "Decide whether it is restored there or deleted here."),
    code("ENTITY_IS_LOCKED", Conflict, "The record is locked, as by an approval that runs.", "End the approval, or let the integration user edit locked records."),
    code("DUPLICATES_DETECTED", Conflict, "A duplicate rule of the org sees the record twice.", "Merge the two in Salesforce, or let the rule allow saving for the integration user."),
    code("DUPLICATE_VALUE", Conflict, "Another record holds the value of a unique field.", "Merge the two records, or change the value of one."),
    code("DUPLICATE_EXTERNAL_ID", Conflict, "Several records hold the same external id.", "Make the external id unique in the org and merge the records."),
    code("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", Conflict, "The record was changed since it was read.", "Nothing: both changes are merged."),
    // What a record must be changed for.
    code("REQUIRED_FIELD_MISSING", Permanent, "A field that the org requires has no value.", "Fill the field here, or make it optional in the org."),
    code("FIELD_CUSTOM_VALIDATION_EXCEPTION", Permanent, "A validation rule of the org refuses the record.", "Change the record so that the rule passes, or exempt the integration user from the rule."),
    code("STRING_TOO_LONG", Permanent, "A text is longer than the field.", "Shorten the text, or lengthen the field in the org."),
    code("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Permanent, "A value is not in the picklist.", "Add the value to the picklist, or map it to one that is there."),
    code("BAD_VALUE_FOR_RESTRICTED_PICKLIST", Permanent, "A value is not in the picklist.", "Add the value to the picklist, or map it to one that is there."),
    code("FIELD_INTEGRITY_EXCEPTION", Permanent, "A value does not fit what the field or the setting may hold, such as a country that is not in the list.", "Correct the value; for a channel, its filter or fields."),
    code("INVALID_FIELD_FOR_INSERT_UPDATE", Permanent, "The integration user may not write a field.", "Give the integration user edit access to the field, or map it for reading only."),
    code("INVALID_TYPE", Permanent, "An object does not exist, or the integration user may not see it.", "Give the integration user access to the object, or take it out of the mapping."),
    code("INVALID_TYPE_ON_FIELD_IN_RECORD", Permanent, "A value is not of the type of its field.", "Correct the conversion in the mapping."),
    code("INVALID_CROSS_REFERENCE_KEY", Permanent, "A lookup points to a record that is not there, or not of that object.", "Sync the other record first, or correct the lookup."),
    code("INSUFFICIENT_ACCESS", Permanent, "The integration user may not do this.", "Give the integration user the permission."),
    code("INSUFFICIENT_ACCESS_OR_READONLY", Permanent, "The integration user may not change the record.", "Give the integration user edit access to the record, as by a sharing rule."),
    code("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Permanent, "The integration user may not see a record that this one points to.", "Give the integration user access to the other record."),
    code("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Permanent, "A trigger or flow of the org failed.", "Read the org's debug log of the integration user, and correct the trigger or flow."),
    code("INVALID_EMAIL_ADDRESS", Permanent, "A value is no e-mail address.", "Correct the address."),
    code("MALFORMED_ID", Permanent, "A value is no record id.", "Correct the id, or the mapping of the lookup."),
    code("INVALID_ID_FIELD", Permanent, "An id is not of the object it is used for.", "Correct the lookup."),
    code("MALFORMED_QUERY", Permanent, "The query is not valid.", "Correct the filter of the mapping."),
    code("API_ERROR", Permanent, "A bulk job cannot do what was asked, such as group records; or not yet, such as be deleted while it runs.", "Nothing: the records are read by queries."),
    code("JSON_PARSER_ERROR", Permanent, "Salesforce cannot read a value as the type of its field.", "Correct the conversion in the mapping."),
    code("STORAGE_LIMIT_EXCEEDED", Permanent, "The org has no storage left.", "Delete records or buy storage, then replay."),
    code("NUMBER_OUTSIDE_VALID_RANGE", Permanent, "A number is too large or too small for the field.", "Correct the number, or widen the field."),
    code("CIRCULAR_DEPENDENCY", Permanent, "A record would be above itself.", "Correct the parent of the record."),
    code("INACTIVE_OWNER_OR_USER", Permanent, "The owner is a user who is no longer active.", "Give the record an active owner."),
    code("TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET", Permanent, "A text has characters that Salesforce does not take, such as control characters.", "Take the characters out of the text."),
    code("MERGE_FAILED", Permanent, "Two records could not be merged.", "Merge them by hand in Salesforce."),
    code("DUPLICATE_DEVELOPER_NAME", Conflict, "A setting of that name is there already.", "Nothing: it is compared with what is wanted."),
    code("NOT_FOUND", Permanent, "The record, job or field is not there, or the integration user may not see it.", "Check the id and the permissions of the integration user."),
    code("METHOD_NOT_ALLOWED", Permanent, "The org does not offer this call.", "Report it to the makers of MoodBridge."),
    code("OPERATION_NOT_ALLOWED", Permanent, "The call may not be part of a composite one.", "Report it to the makers of MoodBridge."),
    code("CLIENT_INPUT_ERROR", Permanent, "A bulk job was given something that is not valid.", "Read the job in Setup, Bulk Data Load Jobs."),
    code("INVALID_JOB", Permanent, "A bulk job cannot be begun like this, such as by a field that is no external id.", "Check the external id of the mapping."),
    code("INVALID_BATCH", Permanent, "A file of a bulk job cannot be read, such as for a column that does not exist.", "Check that each mapped field exists and may be written."),
    code("INVALID_ENTITY", Permanent, "The object cannot be used with bulk jobs.", "Nothing: it is read by queries."),
    code("INVALID_OPERATION", Permanent, "A bulk job may not do this, such as one that it is too late for.", "Report it to the makers of MoodBridge."),
    code("FEATURE_NOT_ENABLED", Permanent, "The org or the integration user may not do this by a bulk job, such as deleting for good.", "Have the feature enabled, or give the integration user the permission."),
    code("INVALID_URL", Permanent, "The address of a call is not valid.", "Report it to the makers of MoodBridge."),
    code("PLATFORM_EVENT_ENCRYPTION_ERROR", Permanent, "An event could not be encrypted.", "Check the encryption policy and keys of the org."),
    // What stops everything.
    code("API_DISABLED_FOR_ORG", ConnectionPermanent, "The org's edition or the user's profile has no API.", "Give the integration user the permission `API Enabled`, or change the edition."),
    code("API_CURRENTLY_DISABLED", ConnectionPermanent, "The API of the org is switched off for now.", "Ask Salesforce support when it comes back."),
    code("INVALID_USER", ConnectionPermanent, "The user may not use bulk jobs.", "Give the integration user the permission `API Enabled`."),
    code("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", ConnectionPermanent, "The password of the integration user has expired.", "Set a new password, and let it never expire."),
    code("LOGIN_MUST_USE_SECURITY_TOKEN", ConnectionPermanent, "The login comes from an address that the org does not know.", "Log in by OAuth, or add the address to the org's trusted ranges."),
    code("IP_RANGE_LIMIT_EXCEEDED", ConnectionPermanent, "The login comes from an address that the profile does not allow.", "Add the address to the login ranges of the integration user's profile."),
    code("INVALID_GRANT", ConnectionPermanent, "The org refuses the login.", "Connect again with `moodbridge connect salesforce`, and check the app's policies."),
    code("UNSUPPORTED_API_VERSION", ConnectionPermanent, "The org no longer serves this version of the API.", "Set a newer `api_version`."),
];

/// The same code also means that too many long calls run at once, which passes soon.
pub(super) fn class_of(found: &ErrorCode, message: &str) -> ErrorClass {
    match found.code {
        "REQUEST_LIMIT_EXCEEDED" if message.contains("Concurrent") => Throttled(Moment),
        // The field is there; a value of this record does not fit it.
        "INVALID_FIELD" if message.contains("Failed to deserialize") => Permanent,
        "API_ERROR" if message.contains("is not terminated") => Retryable,
        // A trigger failed because somebody else held a record, says its text.
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" if message.contains("UNABLE_TO_LOCK_ROW") => {
            RetryAlone
        }
        // A trigger had too many records at once.
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" if message.contains("LimitException") => RetryAlone,
        _ => found.class,
    }
}
