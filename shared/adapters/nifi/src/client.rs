//! The REST API of one node of NiFi.

use std::fmt;
use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings, Request, Response};
use http::Method;
use serde::de::DeserializeOwned;
use shared::ids::ConnectionId;
use shared::platform::{OpenError, Surroundings};
use shared::ports::{Clock, Secrets};
use shared::worker::breaker::BreakerBoard;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::PLATFORM;
use crate::fault::{error_of, is_token_refused};
use crate::settings::NifiAuth;
use crate::sign_in::SignIn;

/// Calls one node.
pub(crate) struct NifiClient {
    pub(crate) base_url: Url,
    auth: NifiAuth,
    http: HttpClient,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    sign_in: SignIn,
}

impl NifiClient {
    pub(crate) fn new(
        base_url: Url,
        auth: NifiAuth,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sign_in = SignIn::new(&auth, &base_url, &http, secrets.clone(), clock.clone());
        Self { base_url, auth, http, secrets, clock, sign_in }
    }

    /// Calls another node of the cluster. A token of one node is not taken by another: each has keys of
    /// its own.
    pub(crate) fn beside(&self, base_url: Url) -> Self {
        let Self { auth, http, secrets, clock, .. } = self;
        Self::new(base_url, auth.clone(), http.clone(), secrets.clone(), clock.clone())
    }

    /// Begins a call to `segments` below `/nifi-api`.
    pub(crate) fn request(
        &self,
        operation: &'static str,
        method: Method,
        segments: &[&str],
    ) -> Result<Request, PortError> {
        let url = address(&self.base_url, operation, segments)?;
        Ok(Request::new(PLATFORM, operation, method, url))
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

    /// Reads the JSON that `request` is answered with.
    pub(crate) async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, PortError> {
        let response = self.call(request).await?;
        if response.status().is_success() { response.json() } else { Err(error_of(&response)) }
    }
}

/// Opens the HTTP client of one connection: its breakers are shared with every process, and its calls
/// told on, as its surroundings say.
pub(crate) fn http_within(
    connection: &ConnectionId,
    surroundings: &Surroundings,
) -> Result<HttpClient, OpenError> {
    let http = HttpClient::within(surroundings, HttpSettings::default())
        .map_err(|source| OpenError::Unusable { connection: connection.clone(), source })?;
    let Surroundings { clock, random, ledger, .. } = surroundings.clone();
    Ok(match ledger {
        Some(ledger) => {
            http.with_shared_breakers(Arc::new(BreakerBoard::new(ledger, clock, &*random)))
        }
        None => http,
    })
}

/// Makes the address of `segments` below `/nifi-api` of `base_url`.
pub(crate) fn address(
    base_url: &Url,
    operation: &'static str,
    segments: &[&str],
) -> Result<Url, PortError> {
    let mut url = base_url.clone();
    match url.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().push("nifi-api").extend(segments);
        }
        Err(()) => {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, operation, "address")
                .with_source("`base_url` is no address of a host"));
        }
    }
    Ok(url)
}

impl fmt::Debug for NifiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NifiClient").finish_non_exhaustive()
    }
}
