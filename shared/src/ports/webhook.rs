//! A webhook that we call.

use async_trait::async_trait;

use crate::error::PortError;

/// Sends messages to one address of somebody else, each signed so that they know it is ours.
///
/// # Contract
///
/// - A message may arrive more than once, always under the same id.
/// - It has arrived when [`send`](WebhookSender::send) returns: the receiver answered with success.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Sends `body`, which is JSON, under `id`.
    ///
    /// # Errors
    ///
    /// `Rejected` when the receiver does not take it, else as it answers.
    async fn send(&self, id: &str, body: &str) -> Result<(), PortError>;
}
