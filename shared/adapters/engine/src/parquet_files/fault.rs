//! Faults of Parquet, as those of the port.

use parquet::errors::ParquetError;
use shared::ports::BlobKey;
use shared::{PortError, PortErrorKind};

/// Names the platform in errors.
const PLATFORM: &str = "parquet";

/// Turns a fault of the format into one of the port. What the blob store said passes as it is.
pub(crate) fn port_error(error: ParquetError, operation: &'static str, key: &BlobKey) -> PortError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<PortError>() {
            Ok(port) => *port,
            Err(other) => rejected(operation, key, other),
        },
        other => rejected(operation, key, other),
    }
}

/// Says that `key` can never be used so.
pub(super) fn rejected(
    operation: &'static str,
    key: &BlobKey,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, operation, key.as_str()).with_source(why)
}
