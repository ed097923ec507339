//! Topics by address.

use std::sync::Arc;

use shared::ports::topic::{MemoryTopic, Topic};
use url::Url;

use crate::error::WiringError;

/// Opens the topic at `address`, such as `sns:arn:aws:sns:eu-west-1:123456789012:changes`, or
/// `memory:changes`, which nobody listens to.
///
/// # Errors
///
/// [`WiringError`] when no adapter of this build takes the scheme, or the address lacks a part.
#[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "no adapter is built in"))]
pub async fn topic(address: &Url) -> Result<Arc<dyn Topic>, WiringError> {
    let topic: Arc<dyn Topic> = match address.scheme() {
        "memory" => Arc::new(MemoryTopic::new(address.path())),
        #[cfg(feature = "aws")]
        "sns" => Arc::new(crate::aws::topic(address).await?),
        _ => return Err(WiringError::UnknownPlatform { address: address.clone() }),
    };
    Ok(crate::metered::topic(topic))
}
