//! The state of buckets by address.

use adapter_aws_control::{BucketFinding, Buckets};
use url::Url;

use crate::error::WiringError;

/// Examines the bucket at `address`, such as `s3://moodbridge-documents`. It changes nothing.
///
/// # Errors
///
/// [`WiringError`] when the address names no bucket, or one of a platform whose buckets cannot be
/// examined.
pub async fn examine_bucket(address: &Url) -> Result<Vec<BucketFinding>, WiringError> {
    if address.scheme() != "s3" {
        return Err(WiringError::UnknownPlatform { address: address.clone() });
    }
    let fault = "names no bucket: write such as `s3://moodbridge-documents`";
    let name = address.host_str().filter(|it| !it.is_empty());
    let name = name.ok_or_else(|| WiringError::Malformed { address: address.clone(), fault })?;
    // Boxed: loading what the SDK needs takes a large future.
    Ok(Box::pin(async { Buckets::of_environment().await.examine(name).await }).await)
}
