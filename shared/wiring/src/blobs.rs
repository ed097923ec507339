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
    let unusable = |error| WiringError::Unusable { address: address.to_owned(), source: error };
    let place = BlobAddress::parse(address).map_err(|error| unusable(error.into()))?;
    // Region and credentials are where every AWS tool reads them.
    let env = Env::of_process();
    let store = place.open(&env, Arc::new(SystemClock), Arc::new(SystemRandom));
    store.map(metered::blob_store).map_err(|error| unusable(error.into()))
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
