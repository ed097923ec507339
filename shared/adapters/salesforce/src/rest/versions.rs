//! The versions of the API that an org serves.

use http::{HeaderName, Method, StatusCode};
use serde::Deserialize;
use shared::PortError;
use tracing::warn;

use crate::client::{Place, RestCall, SalesforceClient};

const WARNING: HeaderName = HeaderName::from_static("warning");

/// A version of the API. Source: REST API guide, "Versions".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ApiVersion {
    /// The name of the release, such as `Spring '26`.
    pub label: String,
    /// The number, such as `66.0`.
    pub version: String,
}

impl SalesforceClient {
    /// Reads the versions that the org serves, the oldest first.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn versions(&self) -> Result<Vec<ApiVersion>, PortError> {
        let subject = self.connection().as_str();
        let call = RestCall::at("versions", Method::GET, subject, Place::Versions);
        self.call(&call).await?.json()
    }

    /// Tells whether the org still serves the version that is set; a version that will go is logged.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn serves_version(&self) -> Result<bool, PortError> {
        let call = RestCall::get("version", self.connection().as_str(), &[]);
        let response = self.ask(&call).await?;
        if let Some(warning) = response.header(&WARNING).filter(|it| it.starts_with("299")) {
            let version = self.api_version();
            warn!(connection = %self.connection(), warning,
                "version {version} of the API will go: set a newer `api_version`");
        }
        match response.status() {
            StatusCode::GONE | StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(crate::error::error_of(&response)),
        }
    }
}
