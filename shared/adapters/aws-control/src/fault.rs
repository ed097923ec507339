//! What errors of AWS mean, whoever asks.

use std::error::Error;
use std::fmt;

use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use shared::error::{PortError, PortErrorKind, chain};

use crate::PLATFORM;

/// Says what a person can do about an error with this code and of this kind.
pub(crate) type Advise = fn(Option<&str>, PortErrorKind) -> Option<&'static str>;

/// What was tried, and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    operation: &'static str,
    subject: &'a str,
    advise: Advise,
}

/// What AWS said, with what to do.
#[derive(Debug)]
struct Advised {
    said: String,
    advice: &'static str,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said, self.advice)
    }
}

impl Error for Advised {}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, subject: &'a str, advise: Advise) -> Self {
        Self { operation, subject, advise }
    }

    /// An error that AWS did not send.
    pub(crate) fn fault(self, kind: PortErrorKind) -> PortError {
        PortError::new(kind, PLATFORM, self.operation, self.subject)
    }

    /// The error that AWS sent, or what kept its answer from coming.
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
    pub(crate) fn failed<E>(self, error: SdkError<E, HttpResponse>) -> PortError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|it| it.status().as_u16());
        let code = error.code();
        let kind = kind(code, status);
        let said = match (code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => chain(&error).to_string(),
        };
        // Whoever published other code in between moved the target, not the request.
        let is_other_code = said.contains("CodeSHA256");
        let kind = if is_other_code { PortErrorKind::Conflict } else { kind };
        match (self.advise)(code, kind) {
            Some(advice) => self.fault(kind).with_source(Advised { said, advice }),
            None => self.fault(kind).with_source(said),
        }
    }
}

/// Reads AWS's code, and the status where the code is not known.
///
/// Source: "Common errors" in the API references of Lambda, `CloudWatch`, its logs, and S3.
fn kind(code: Option<&str>, status: Option<u16>) -> PortErrorKind {
    let code = code.map(|it| it.rsplit(['.', '#']).next().unwrap_or(it));
    match (code, status) {
        (
            Some(
                "TooManyRequestsException"
                | "ThrottlingException"
                | "Throttling"
                | "SlowDown"
                | "LimitExceeded"
                | "LimitExceededException"
                | "EC2ThrottledException"
                | "RequestLimitExceeded",
            ),
            _,
        )
        | (_, Some(429)) => PortErrorKind::RateLimited,
        (
            Some(
                "AccessDenied"
                | "AccessDeniedException"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidSignatureException"
                | "KMSAccessDeniedException"
                | "MissingAuthenticationToken",
            ),
            _,
        )
        | (_, Some(401 | 403)) => PortErrorKind::Denied,
        (
            Some(
                "ResourceNotFoundException"
                | "ResourceNotFound"
                | "NoSuchKey"
                | "NoSuchBucket"
                | "NotFound",
            ),
            _,
        )
        | (_, Some(404)) => PortErrorKind::NotFound,
        (
            Some(
                "PreconditionFailedException" | "ResourceConflictException" | "PreconditionFailed",
            ),
            _,
        )
        | (_, Some(409 | 412)) => PortErrorKind::Conflict,
        (
            Some(
                "ServiceException"
                | "InternalFailure"
                | "InternalServiceError"
                | "ServiceUnavailable"
                | "ResourceNotReadyException",
            ),
            _,
        )
        | (_, None | Some(500..)) => PortErrorKind::Unavailable,
        _ => PortErrorKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_goes_before_status() {
        use PortErrorKind::{Conflict, Denied, NotFound, RateLimited, Rejected, Unavailable};
        for (code, status, wanted) in [
            (Some("TooManyRequestsException"), Some(429), RateLimited),
            (Some("LimitExceededException"), Some(400), RateLimited),
            (Some("PreconditionFailedException"), Some(412), Conflict),
            (Some("ResourceConflictException"), Some(409), Conflict),
            (Some("ResourceNotFoundException"), Some(404), NotFound),
            (Some("AccessDeniedException"), Some(403), Denied),
            (Some("CodeStorageExceededException"), Some(400), Rejected),
            (Some("InvalidParameterValueException"), Some(400), Rejected),
            (Some("MalformedQueryException"), Some(400), Rejected),
            (Some("ServiceException"), Some(500), Unavailable),
            (Some("ServiceUnavailableException"), Some(500), Unavailable),
            (None, Some(503), Unavailable),
            (None, None, Unavailable),
        ] {
            assert_eq!(kind(code, status), wanted, "{code:?} {status:?}");
        }
    }
}
