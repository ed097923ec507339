//! Blob stores by address.

use std::sync::Arc;

use adapter_objects::BlobAddress;
use shared::config::Env;
use shared::ports::{BlobStore, SystemClock, SystemRandom};

use crate::error::WiringError;
use crate::metered;

/// Opens the blob store at `address`: `s3://BUCKET/PREFIX?kms=KEY_ARN` or `file:FOLDER`.
///
/// # Errors
///
/// [`WiringError`] when the address is malformed, or what stands there cannot be used.
pub fn blob_store(address: &str) -> Result<Arc<dyn BlobStore>, WiringError> {
    let place = BlobAddress::parse(address);
    let place = place.map_err(|error| WiringError::unusable(&address, error))?;
    // Region and credentials are where every AWS tool reads them.
    blobs(&place, &Env::of_process())
}

/// Opens the blob store at an address that was read. S3 is not called yet; `env` tells its region and
/// credentials, as every AWS tool reads them.
///
/// # Errors
///
/// [`WiringError`] when `env` lacks something, or the folder cannot be used.
pub fn blobs(address: &BlobAddress, env: &Env) -> Result<Arc<dyn BlobStore>, WiringError> {
    let opened = address.open(env, Arc::new(SystemClock), Arc::new(SystemRandom));
    opened.map(metered::blob_store).map_err(|error| WiringError::unusable(address, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_address_says_what_to_write() {
        let error = blob_store("documents").err().unwrap();
        let text = shared::chain(&error).to_string();
        assert!(text.contains("`s3://BUCKET/PREFIX` or `file:FOLDER`"), "{text}");
    }
}
