//! The REST API of one Airflow.

use std::fmt;
use std::sync::Arc;

use adapter_http::{HttpClient, Request, Response};
use shared::ports::{Clock, Secrets};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::PLATFORM;
use crate::fault::is_token_refused;
use crate::settings::AirflowSettings;
use crate::sign_in::SignIn;

/// Calls one Airflow.
pub(crate) struct AirflowClient {
    settings: AirflowSettings,
    http: HttpClient,
    sign_in: SignIn,
}

impl AirflowClient {
    pub(crate) fn new(
        settings: AirflowSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sign_in = SignIn::new(&settings, &http, secrets, clock);
        Self { settings, http, sign_in }
    }

    /// Makes the address of `segments` below `/api/v2`.
    pub(crate) fn url(
        &self,
        operation: &'static str,
        subject: &str,
        segments: &[&str],
    ) -> Result<Url, PortError> {
        let all: Vec<_> = ["api", "v2"].into_iter().chain(segments.iter().copied()).collect();
        address(&self.settings.base_url, operation, subject, &all)
    }

    /// Sends `request`, and once more with another token when that one is refused.
    pub(crate) async fn call(&self, request: Request) -> Result<Response, PortError> {
        let (first, signed) = self.sign_in.sign(request.clone()).await?;
        let response = self.http.send(first).await?;
        if !is_token_refused(&response) {
            return Ok(response);
        }
        match self.sign_in.sign_anew(request, &signed).await? {
            Some(again) => self.http.send(again).await,
            None => Ok(response),
        }
    }
}

/// Makes the address of `segments` below `base_url`.
pub(crate) fn address(
    base_url: &Url,
    operation: &'static str,
    subject: &str,
    segments: &[&str],
) -> Result<Url, PortError> {
    let mut url = base_url.clone();
    match url.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().extend(segments);
        }
        Err(()) => {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, operation, subject)
                .with_source("`base_url` is no address of a host"));
        }
    }
    Ok(url)
}

impl fmt::Debug for AirflowClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AirflowClient")
            .field("connection", &self.settings.connection)
            .finish_non_exhaustive()
    }
}
