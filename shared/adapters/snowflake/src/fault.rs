//! What Snowflake's refusals mean. `docs/snowflake.md` says what to do about each.

use adapter_http::{Response, kind_of_status};
use shared::PortError;
use shared::PortErrorKind;
use shared::PortErrorKind::{Denied, NotFound, RateLimited, Rejected, Unavailable};

use crate::answer::Refused;

/// A refusal in Snowflake's words, without the values of rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", tag(code, sql_state.as_deref()))]
pub struct SnowflakeFault {
    /// The code, such as `002003`.
    pub code: String,
    /// The state of the SQL standard, such as `42S02`, where there is one.
    pub sql_state: Option<String>,
    /// The message. Of an error in data, quoted values are left out.
    pub message: String,
}

fn tag(code: &str, sql_state: Option<&str>) -> String {
    match sql_state {
        Some(state) => format!("error {code} ({state})"),
        None => format!("error {code}"),
    }
}

/// What codes mean, whatever the status. Source: answers of an account; "SQL API reference".
const KINDS: [(&str, PortErrorKind); 16] = [
    ("000008", Rejected),
    ("000604", Rejected),
    ("000630", Rejected),
    ("000709", NotFound),
    ("000900", Rejected),
    ("001003", Rejected),
    ("002003", NotFound),
    ("002049", Rejected),
    ("002099", Rejected),
    ("003001", Denied),
    ("390144", Denied),
    ("390146", Denied),
    ("390186", Denied),
    ("391911", Rejected),
    ("391918", Rejected),
    ("391922", Rejected),
];

/// Returns what a refusal means: by its status where that speaks of the service, then by its code,
/// then by its state of the SQL standard.
pub(crate) fn kind_of(status: u16, refused: &Refused) -> PortErrorKind {
    match status {
        429 => return RateLimited,
        500..=599 => return Unavailable,
        _ => {}
    }
    if let Some((_, kind)) = KINDS.iter().find(|(code, _)| *code == refused.code) {
        return *kind;
    }
    match refused.sql_state.as_deref() {
        Some("42501") => return Denied,
        Some("42S02" | "02000") => return NotFound,
        _ => {}
    }
    match status {
        401 | 403 => Denied,
        404 => NotFound,
        _ => Rejected,
    }
}

/// Tells whether the refusal is one of data, whose message repeats values of rows.
fn is_about_data(refused: &Refused) -> bool {
    refused.code.starts_with("100")
        || refused.sql_state.as_deref().is_some_and(|it| it.starts_with("22"))
        // What failed while it ran has no state; only what cannot even begin is free of values.
        || (refused.sql_state.is_none() && !KINDS.iter().any(|(code, _)| *code == refused.code))
}

/// Leaves out what stands between the first quote and the last: a value may hold quotes itself.
pub(crate) fn without_values(message: &str) -> String {
    let Some((before, rest)) = message.split_once('\'') else { return message.to_owned() };
    let after = rest.rsplit_once('\'').map_or("", |(_, after)| after);
    format!("{before}'…'{after}")
}

/// Reads what an answer that is no success says.
pub(crate) fn refusal_of(response: &Response) -> Refused {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

/// Makes the error of an answer that is no success.
pub(crate) fn error_of(response: &Response, refused: &Refused) -> PortError {
    let kind = kind_of(response.status().as_u16(), refused);
    let error = response.error(kind);
    if refused.code.is_empty() {
        // A page of something in between, say, whose status is all that is known.
        let by_status = kind_of_status(response.status()).unwrap_or(kind);
        return response.error(if kind == Rejected { by_status } else { kind });
    }
    error.with_source(fault_of(refused))
}

pub(crate) fn fault_of(refused: &Refused) -> SnowflakeFault {
    let message = match is_about_data(refused) {
        true => without_values(&refused.message),
        false => refused.message.clone(),
    };
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let code = refused.code.clone();
    SnowflakeFault { code, sql_state: refused.sql_state.clone(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, sql_state: Option<&str>) -> Refused {
        let sql_state = sql_state.map(str::to_owned);
        Refused { code: code.to_owned(), message: String::new(), sql_state }
    }

    #[test]
    fn every_refusal_has_a_meaning() {
        let rows = [
            (400, "000900", None, Rejected),
            (400, "000709", None, NotFound),
            (400, "391922", None, Rejected),
            (400, "390146", None, Denied),
            (400, "390186", None, Denied),
            (400, "391918", None, Rejected),
            (401, "390144", None, Denied),
            (401, "999999", None, Denied),
            (403, "", None, Denied),
            (408, "000630", Some("57014"), Rejected),
            (422, "001003", Some("42000"), Rejected),
            (422, "002003", Some("42S02"), NotFound),
            (422, "002003", Some("02000"), NotFound),
            (422, "000604", Some("57014"), Rejected),
            (422, "000008", None, Rejected),
            (422, "002049", None, Rejected),
            (422, "002099", None, Rejected),
            (422, "391911", None, Rejected),
            (422, "003001", Some("42501"), Denied),
            (422, "999999", Some("42501"), Denied),
            (422, "100038", Some("22018"), Rejected),
            (422, "999999", None, Rejected),
            (429, "", None, RateLimited),
            (429, "390144", None, RateLimited),
            (500, "", None, Unavailable),
            (502, "", None, Unavailable),
            (503, "390144", None, Unavailable),
            (504, "", None, Unavailable),
        ];
        for (status, code, state, kind) in rows {
            assert_eq!(kind_of(status, &refused(code, state)), kind, "{status} {code} {state:?}");
        }
    }

    #[test]
    fn message_of_an_error_in_data_shows_no_value() {
        let of = |code: &str, state: Option<&str>, message: &str| {
            fault_of(&Refused { message: message.to_owned(), ..refused(code, state) }).to_string()
        };
        assert_eq!(
            of("100038", Some("22018"), "Numeric value 'Ada' is not recognized"),
            "error 100038 (22018): Numeric value '…' is not recognized"
        );
        for message in ["Value 'Ada", "Value 'O'Ada' is bad", "'Ada' is 'Ada'"] {
            assert!(!of("100099", None, message).contains("Ada"), "{message}");
        }
        assert_eq!(
            of("002003", Some("42S02"), "SQL compilation error:\nObject 'T' does not exist"),
            "error 002003 (42S02): SQL compilation error: Object 'T' does not exist"
        );
    }
}
