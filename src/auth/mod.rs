//! How people sign in at this process: with the firm's issuer, or on this machine alone.

mod local_key;
mod local_token;

use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use shared::ports::{Authenticator, Clock, Random};
use tracing::warn;
use wiring::{IdentitySettings, LocalIdentity};

pub(crate) use local_key::local_identity;

use crate::exit::CommandError;
use crate::settings::Settings;

/// How people sign in.
pub(crate) enum SignIn {
    /// With tokens of the issuer that the settings name.
    Issuer { settings: Box<IdentitySettings>, authenticator: Arc<dyn Authenticator> },
    /// With tokens of this machine.
    Local(LocalIdentity),
}

/// What the dashboard is told at `GET /auth/config`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
enum Described {
    /// Ask this process for a token.
    Local { token_url: &'static str },
    /// Sign in at the issuer: authorization code with PKCE.
    Oidc {
        issuer: String,
        /// Absent when the settings name none: then the dashboard cannot sign anybody in.
        client_id: Option<String>,
        audience: Option<String>,
        scopes: Vec<String>,
    },
}

impl SignIn {
    /// Opens what the section `identity` of `settings` names, or this machine's own issuer.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be built, or the key of local tokens cannot be kept.
    pub(crate) fn open(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, CommandError> {
        if let Some(identity) = &settings.identity {
            let tls = settings.outbound_tls()?;
            let authenticator = wiring::authenticator(identity, tls, clock, random)
                .map_err(|error| CommandError::failed("prepare the sign-in", error))?;
            return Ok(Self::Issuer { settings: Box::new(identity.clone()), authenticator });
        }
        warn!(
            "nobody has to sign in: the settings have no `[identity]`, so whoever can reach `{}` \
             on this machine gets a token as an admin",
            settings.server.address
        );
        Ok(Self::Local(local_identity(settings, clock, random)?))
    }

    /// Returns what proves tokens.
    pub(crate) fn authenticator(&self) -> Arc<dyn Authenticator> {
        match self {
            Self::Issuer { authenticator, .. } => authenticator.clone(),
            Self::Local(identity) => identity.authenticator(),
        }
    }

    /// Serves `GET /auth/config`, and for local tokens `POST /auth/local/token`.
    pub(crate) fn router(&self) -> Router {
        let described = self.describe();
        let answer = move || {
            let answer = Json(described.clone());
            async move { no_store(answer) }
        };
        let router = Router::new().route("/auth/config", get(answer));
        match self {
            Self::Issuer { .. } => router,
            Self::Local(identity) => router.merge(local_token::router(identity.clone())),
        }
    }

    fn describe(&self) -> Described {
        match self {
            Self::Local(_) => Described::Local { token_url: local_token::PATH },
            Self::Issuer { settings, .. } => Described::Oidc {
                issuer: settings.issuer.clone(),
                client_id: settings.dashboard_client_id.clone(),
                audience: settings.audience.first().cloned(),
                scopes: settings.dashboard_scopes.clone(),
            },
        }
    }
}

/// Keeps an answer out of every cache.
fn no_store(answer: impl IntoResponse) -> impl IntoResponse {
    ([(CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer)
}

#[cfg(test)]
mod tests;
