//! What AWS's errors mean to a port.

use std::error::Error;
use std::time::Duration;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use shared::error::{PortError, PortErrorKind};

use crate::PLATFORM;
use crate::guard::Pause;

/// What was tried, and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) subject: &'a str,
}

impl<'a> Call<'a> {
    pub(crate) fn new(operation: &'static str, subject: &'a str) -> Self {
        Self { operation, subject }
    }

    /// An error that AWS did not send.
    pub(crate) fn fault(self, kind: PortErrorKind) -> PortError {
        PortError::new(kind, PLATFORM, self.operation, self.subject)
    }

    /// The error that AWS sent, or what kept its answer from coming.
    pub(crate) fn failed<E>(self, error: SdkError<E, HttpResponse>) -> PortError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if let Some(pause) = Pause::under(&error) {
            let fault = self.fault(pause.kind()).with_source(error);
            return fault.with_retry_after(pause.wait());
        }
        let status = error.raw_response().map(|it| it.status().as_u16());
        let retry_after = error
            .raw_response()
            .and_then(|it| it.headers().get("retry-after"))
            .and_then(|it| it.parse().ok())
            .map(Duration::from_secs);
        let kind = kind(error.code(), status);
        let fault = self.fault(kind).with_source(error);
        match retry_after {
            Some(delay) => fault.with_retry_after(delay),
            None => fault,
        }
    }
}

/// Reads AWS's code, and the status where the code is not known.
///
/// Source: "Common errors" in the API references of SQS, `DynamoDB` and Secrets Manager.
pub(crate) fn kind(code: Option<&str>, status: Option<u16>) -> PortErrorKind {
    // The query protocol of SQS writes `AWS.SimpleQueueService.NonExistentQueue`.
    let code = code.map(|it| it.rsplit(['.', '#']).next().unwrap_or(it));
    match (code, status) {
        (
            Some(
                "ThrottlingException"
                | "Throttling"
                | "ThrottledException"
                | "RequestThrottled"
                | "RequestThrottledException"
                | "TooManyRequestsException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "OverLimit"
                | "LimitExceededException"
                | "SlowDown"
                | "KmsThrottled",
            ),
            _,
        ) => PortErrorKind::RateLimited,
        (
            Some(
                "AccessDenied"
                | "AccessDeniedException"
                | "NotAuthorized"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidAccessKeyId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "OptInRequired"
                | "KmsAccessDenied"
                | "DecryptionFailure",
            ),
            _,
        ) => PortErrorKind::Denied,
        (
            Some(
                "ResourceNotFoundException"
                | "NonExistentQueue"
                | "QueueDoesNotExist"
                | "NoSuchKey"
                | "NoSuchBucket",
            ),
            _,
        ) => PortErrorKind::NotFound,
        (
            Some(
                "ConditionalCheckFailedException"
                | "TransactionConflictException"
                | "TransactionInProgressException",
            ),
            _,
        ) => PortErrorKind::Conflict,
        (
            Some(
                "InternalServerError"
                | "InternalServiceError"
                | "InternalFailure"
                | "ServiceUnavailable"
                | "RequestTimeout",
            ),
            _,
        )
        | (_, None | Some(500..)) => PortErrorKind::Unavailable,
        (_, Some(429)) => PortErrorKind::RateLimited,
        (_, Some(401 | 403)) => PortErrorKind::Denied,
        (_, Some(404)) => PortErrorKind::NotFound,
        _ => PortErrorKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_goes_before_status_and_status_before_nothing() {
        use PortErrorKind::{Conflict, Denied, NotFound, RateLimited, Rejected, Unavailable};
        for (code, status, wanted) in [
            (Some("ProvisionedThroughputExceededException"), Some(400), RateLimited),
            (Some("AWS.SimpleQueueService.NonExistentQueue"), Some(400), NotFound),
            (Some("com.amazonaws.sqs#QueueDoesNotExist"), Some(400), NotFound),
            (Some("ExpiredTokenException"), Some(400), Denied),
            (Some("AccessDeniedException"), Some(400), Denied),
            (Some("ConditionalCheckFailedException"), Some(400), Conflict),
            (Some("ValidationException"), Some(400), Rejected),
            (Some("InternalServerError"), Some(500), Unavailable),
            (Some("New"), Some(503), Unavailable),
            (None, Some(403), Denied),
            (None, Some(429), RateLimited),
            (None, None, Unavailable),
        ] {
            assert_eq!(kind(code, status), wanted, "{code:?} {status:?}");
        }
    }
}
