//! Where the state of a job is kept, so that a process that dies goes on where it was.

use async_trait::async_trait;
use shared::PortError;

/// Keeps the state of one job.
///
/// # Contract
///
/// `save` returns after the state is durable. A job that is begun again is given what was saved last.
#[async_trait]
pub trait JobJournal<S: Sync>: Send + Sync {
    /// Writes the state over what was saved before.
    ///
    /// # Errors
    ///
    /// As the store answers; the job then stops, to be begun again.
    async fn save(&self, state: &S) -> Result<(), PortError>;
}

/// Keeps nothing: a process that dies begins anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsaved;

#[async_trait]
impl<S: Sync> JobJournal<S> for Unsaved {
    async fn save(&self, _: &S) -> Result<(), PortError> {
        Ok(())
    }
}
