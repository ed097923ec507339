//! The table of codes as a page for people: `docs/salesforce-errors.md`.

use std::fmt::Write as _;

use super::codes::ErrorCode;

const HEAD: &str = "# What Salesforce says, and what to do

Every error code that MoodBridge knows, in plain words.
`cargo run -p adapter-salesforce --example error_reference > docs/salesforce-errors.md` writes this page; a test compares it.
Codes are the same however an API spells them: `InvalidSessionId`, `INVALID_SESSION_ID` and `sf:INVALID_SESSION_ID` are one.

| what is done | what it means |
|---|---|
| tried again | the same call is sent again after growing, random waits |
| tried again alone | the record is sent again without those it was sent with |
| waits a moment, waits for the day's window | nothing is sent until the limit lets calls through; nothing is lost meanwhile |
| logs in again | one new login for all, then the call is sent once more |
| conflict | both sides are compared and merged, or a person decides |
| permanent | the record is set aside as a dead letter with this code; correct the cause and replay it |
| stops the connection | no call succeeds until a person acts |
| asks in another way | the query, window or call is changed as the row says |

An answer without a code goes by its HTTP status: 420, 429 wait a moment; 500, 502, 503, 504 and broken answers are tried again; 300, 409, 412 are conflicts; 413, 414, 431 ask for less.
Messages of Salesforce may quote a client's data, so logs and errors hold codes and field names only.

| code | what is done | what it means | what you can do |
|---|---|---|---|
";

/// Writes the page.
pub fn error_reference() -> String {
    let mut page = HEAD.to_owned();
    for ErrorCode { code, class, meaning, fix } in ErrorCode::all() {
        let _ = writeln!(page, "| `{code}` | {class} | {meaning} | {fix} |");
    }
    page
}
