//! What the objects of a remote system look like.

use async_trait::async_trait;

use crate::error::PortError;
use crate::ids::ObjectName;
use crate::sync::RemoteObject;

/// Tells what an object looks like over there.
///
/// # Contract
///
/// - The answer is of now, not of an earlier look.
/// - A field that our user may not see is missing, as one that is not there.
#[async_trait]
pub trait SchemaReader: Send + Sync {
    /// Describes `object`.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such object, or our user may not see it.
    async fn describe(&self, object: &ObjectName) -> Result<RemoteObject, PortError>;
}
