//! What errors of `CloudWatch` Logs mean to who searches, and what to do about them.

use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::start_query::StartQueryError;
use aws_sdk_cloudwatchlogs::types::QueryCompileError;
use shared::error::{PortError, PortErrorKind};

use crate::fault::Call;

/// A call on behalf of who searches.
pub(super) fn call<'a>(operation: &'static str, subject: &'a str) -> Call<'a> {
    Call::new(operation, subject, advice)
}

/// What a person can do about it.
fn advice(code: Option<&str>, kind: PortErrorKind) -> Option<&'static str> {
    Some(match (code, kind) {
        (Some("ExpiredToken" | "ExpiredTokenException"), _) => "sign in to AWS again",
        (Some("LimitExceededException"), _) => {
            "too many searches run in this account: wait until one ends, then try again"
        }
        (_, PortErrorKind::Denied) => {
            "sign in to the right account, with the rights that docs/aws.md lists for logs"
        }
        (_, PortErrorKind::NotFound) => {
            "look at account, region, `--environment` and the function's name"
        }
        (_, PortErrorKind::RateLimited | PortErrorKind::Unavailable) => {
            "try again in a minute, or read on in the console of CloudWatch"
        }
        _ => return None,
    })
}

/// Reads why `query` was not begun; of one that cannot be read, the place is told.
pub(super) fn not_begun(
    call: Call<'_>,
    query: &str,
    error: SdkError<StartQueryError, HttpResponse>,
) -> PortError {
    if let Some(StartQueryError::MalformedQueryException(malformed)) = error.as_service_error() {
        let detail = malformed.query_compile_error();
        let said = detail.and_then(QueryCompileError::message).or(malformed.message());
        let said = said.unwrap_or("AWS does not say why");
        let place = detail.and_then(|it| place(query, it)).unwrap_or_default();
        let text = format!("the query cannot be read{place}: {said}");
        return call.fault(PortErrorKind::Rejected).with_source(text);
    }
    call.failed(error)
}

/// Names the place of a mistake: its first character, counted from 1, and what stands there.
fn place(query: &str, detail: &QueryCompileError) -> Option<String> {
    let location = detail.location()?;
    let start = usize::try_from(location.start_char_offset()?).ok()?;
    let end = location.end_char_offset().and_then(|it| usize::try_from(it).ok());
    let n_letters = end.unwrap_or(start).saturating_sub(start) + 1;
    let there: String = query.chars().skip(start).take(n_letters.min(40)).collect();
    let what = if there.is_empty() { "its end".to_owned() } else { format!("`{there}`") };
    Some(format!(" at character {}, {what}", start + 1))
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatchlogs::types::QueryCompileErrorLocation;
    use aws_sdk_cloudwatchlogs::types::error::{LimitExceededException, MalformedQueryException};
    use shared::chain;

    use super::*;

    fn refused(error: StartQueryError) -> SdkError<StartQueryError, HttpResponse> {
        SdkError::service_error(error, HttpResponse::new(400.try_into().unwrap(), "".into()))
    }

    fn malformed(start: i32, end: i32) -> SdkError<StartQueryError, HttpResponse> {
        let location = QueryCompileErrorLocation::builder();
        let location = location.start_char_offset(start).end_char_offset(end).build();
        let detail = QueryCompileError::builder().location(location).message("unexpected symbol");
        let error = MalformedQueryException::builder().query_compile_error(detail.build());
        refused(StartQueryError::MalformedQueryException(error.build()))
    }

    #[test]
    fn place_of_a_mistake_is_told_with_what_stands_there() {
        let query = "fields @message | filtr é = 1";
        for (start, end, wanted) in [
            (18, 22, "cannot be read at character 19, `filtr`: unexpected symbol"),
            (24, 24, "at character 25, `é`"),
            (900, 901, "at character 901, its end"),
            (-1, 5, "cannot be read: unexpected symbol"),
        ] {
            let error = not_begun(call("search logs", "x"), query, malformed(start, end));
            let said = chain(&error).to_string();
            assert_eq!(error.kind(), PortErrorKind::Rejected);
            assert!(said.contains(wanted), "{said}");
        }
    }

    #[test]
    fn every_kind_but_a_plain_refusal_has_its_advice() {
        use PortErrorKind::{Denied, NotFound, RateLimited, Rejected, Unavailable};
        for kind in [Denied, NotFound, RateLimited, Unavailable] {
            assert!(advice(None, kind).is_some(), "{kind:?}");
        }
        assert!(advice(Some("InvalidParameterException"), Rejected).is_none());
    }

    #[test]
    fn too_many_searches_are_waited_for() {
        let meta = aws_sdk_cloudwatchlogs::error::ErrorMetadata::builder();
        let meta = meta.code("LimitExceededException").message("Account maximum query concurrency");
        let error = LimitExceededException::builder().meta(meta.build()).build();
        let error = refused(StartQueryError::LimitExceededException(error));
        let error = not_begun(call("search logs", "x"), "", error);
        assert_eq!(error.kind(), PortErrorKind::RateLimited);
        assert!(chain(&error).to_string().contains("wait until one ends"), "{}", chain(&error));
    }
}
