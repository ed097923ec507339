//! What objects look like, in words that hold for every platform.

use async_trait::async_trait;
use shared::PortError;
use shared::ids::ObjectName;
use shared::ports::SchemaReader;
use shared::sync::RemoteObject;

use super::SalesforceCrm;
use crate::schema::ObjectDescribe;

#[async_trait]
impl SchemaReader for SalesforceCrm {
    async fn describe(&self, object: &ObjectName) -> Result<RemoteObject, PortError> {
        let described = self.client().describe_anew(object).await?;
        Ok(described.parse::<ObjectDescribe>()?.to_remote())
    }
}
