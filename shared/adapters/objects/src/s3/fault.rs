//! What S3's errors mean to the port.

use std::fmt;

use object_store::Error;
use shared::error::{PortError, PortErrorKind};

/// What errors call this platform.
pub(crate) const PLATFORM: &str = "s3";

/// What S3 said, without what it repeats of the request.
#[derive(Debug)]
struct Answer {
    code: String,
    message: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Answer {}

/// The error of `operation` on `subject`.
pub(crate) fn failed(operation: &'static str, subject: &str, error: Error) -> PortError {
    let text = error.to_string();
    let code = element(&text, "Code");
    let kind = match &error {
        Error::NotFound { .. } => PortErrorKind::NotFound,
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => {
            PortErrorKind::Conflict
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => PortErrorKind::Denied,
        Error::InvalidPath { .. } | Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            PortErrorKind::Rejected
        }
        _ => kind(code, status(&text)),
    };
    let fault = PortError::new(kind, PLATFORM, operation, subject);
    match code {
        Some(code) => fault.with_source(Answer {
            code: code.to_owned(),
            message: element(&text, "Message").unwrap_or_default().to_owned(),
        }),
        None => fault.with_source(error),
    }
}

/// Source: Amazon S3 API reference, "Error responses".
fn kind(code: Option<&str>, status: Option<u16>) -> PortErrorKind {
    match (code, status) {
        (Some("SlowDown" | "TooManyRequests" | "ThrottlingException"), _) | (_, Some(429)) => {
            PortErrorKind::RateLimited
        }
        (
            Some(
                "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "KMS.DisabledException",
            ),
            _,
        ) => PortErrorKind::Denied,
        (Some("RequestTimeout" | "OperationAborted"), _) | (_, None | Some(408 | 500..)) => {
            PortErrorKind::Unavailable
        }
        _ => PortErrorKind::Rejected,
    }
}

/// The status, which the crate tells in words only where it has no error of its own.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The text of the first XML element of this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> PortError {
        failed("put", "a", Error::Generic { store: "S3", source: text.to_owned().into() })
    }

    #[test]
    fn code_goes_before_status_and_status_before_nothing() {
        use PortErrorKind::{Denied, RateLimited, Rejected, Unavailable};
        for (text, wanted) in [
            ("status code: 400 Bad Request: <Error><Code>BadDigest</Code></Error>", Rejected),
            ("status code: 400 Bad Request: <Error><Code>ExpiredToken</Code></Error>", Denied),
            ("status code: 503 Slow Down: <Error><Code>SlowDown</Code></Error>", RateLimited),
            ("status code: 416 Requested Range Not Satisfiable: ", Rejected),
            ("status code: 500 Internal Server Error: ", Unavailable),
            ("connection reset", Unavailable),
        ] {
            assert_eq!(generic(text).kind(), wanted, "{text}");
        }
    }

    #[test]
    fn error_tells_what_s3_said_and_not_what_was_signed() {
        let fault = generic(
            "status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code><Message>No \
             match.</Message><StringToSign>AWS4</StringToSign></Error>",
        );
        let text = shared::chain(&fault).to_string();
        assert_eq!(text, "s3: put `a` failed (Rejected): SignatureDoesNotMatch: No match.");
    }
}
