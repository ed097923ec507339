//! What is refused, in the platform's words: a gRPC status, and the trailer `error-code`.

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// What every error code begins with. Source: Pub/Sub API guide, "Handling Errors".
const PREFIX: &str = "sfdc.platform.eventbus.grpc.";

/// Refuses with `error_code`, which stands behind the common beginning of all codes.
pub(super) fn refusal(code: Code, error_code: &str, message: &str) -> Status {
    let mut trailers = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(format!("{PREFIX}{error_code}")) {
        trailers.insert("error-code", value);
    }
    Status::with_metadata(code, message, trailers)
}

/// Refuses with `error_code` and the status that belongs to it.
pub(super) fn by_code(error_code: &str) -> Status {
    let code = match error_code {
        it if it.starts_with("service.auth") => Code::Unauthenticated,
        it if it.ends_with("not.found") => Code::NotFound,
        it if it.contains("permission") || it.contains("license") => Code::PermissionDenied,
        it if it.contains("limit") => Code::ResourceExhausted,
        it if it.contains("fetch") => Code::InvalidArgument,
        _ => Code::Unavailable,
    };
    refusal(code, error_code, "This was ordered.")
}

pub(super) fn unauthenticated(error_code: &str, message: &str) -> Status {
    refusal(Code::Unauthenticated, error_code, message)
}

pub(super) fn invalid(error_code: &str, message: &str) -> Status {
    refusal(Code::InvalidArgument, error_code, message)
}

pub(super) fn not_found(error_code: &str, message: &str) -> Status {
    refusal(Code::NotFound, error_code, message)
}

pub(super) fn denied(error_code: &str, message: &str) -> Status {
    refusal(Code::PermissionDenied, error_code, message)
}
