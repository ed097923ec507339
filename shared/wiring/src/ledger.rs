//! Ledgers by address, apart from the one of the case store.

use std::sync::Arc;

use shared::ports::Ledger;
use url::Url;

use crate::error::WiringError;

/// Opens the ledger at `address`, such as `dynamodb:moodbridge-ledger`.
///
/// # Errors
///
/// [`WiringError`] when no adapter of this build takes the scheme, or the address lacks a part.
#[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "no adapter is built in"))]
pub async fn ledger(address: &Url) -> Result<Arc<dyn Ledger>, WiringError> {
    match address.scheme() {
        #[cfg(feature = "aws")]
        "dynamodb" => Ok(crate::metered::ledger(Arc::new(crate::aws::ledger(address).await?))),
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}
