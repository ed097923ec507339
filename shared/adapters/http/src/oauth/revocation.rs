//! Ends a token before its time. Source: RFC 7009.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::form_urlencoded;

use super::client::OAuthClient;
use super::exchange::{Exchange, Repeat};
use super::fault::{OAuthFault, OAuthRefusal};
use super::settings::SecretPlace;
use crate::request::Request;

/// What kind of token is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedKind {
    /// An access token.
    AccessToken,
    /// A refresh token, and with it every access token it gave.
    RefreshToken,
}

impl RevokedKind {
    fn hint(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

impl OAuthClient {
    /// Ends `token`. A token that has already ended is no error.
    ///
    /// # Errors
    ///
    /// As the server answers; `Rejected` when it ends no tokens.
    pub async fn revoke(&self, token: &Secret, kind: RevokedKind) -> Result<(), PortError> {
        let url = self.endpoint("revoke", self.settings.endpoints.revoke.as_ref())?;
        let exchange = self.exchange_of("revoke", Repeat::Safe);
        let request = exchange.begin(url);
        let form = [("token", token.expose()), ("token_type_hint", kind.hint())];
        let response = exchange.send(self.signed(request, &form).await?).await?;
        if response.status().is_success() {
            return Ok(());
        }
        let error = Exchange::refusal(&response);
        let is_gone = OAuthRefusal::of(&error)
            .is_some_and(|it| matches!(it.code(), "unsupported_token_type" | "invalid_token"));
        if is_gone && error.kind() == PortErrorKind::Denied { Ok(()) } else { Err(error) }
    }

    /// Puts `form` into `request` with the app's name and secret, where the server wants them.
    pub(crate) async fn signed(
        &self,
        request: Request,
        form: &[(&str, &str)],
    ) -> Result<Request, PortError> {
        let id = self.settings.client_id.as_str();
        let Some(secret) = self.secret().await? else {
            let form: Vec<_> = form.iter().copied().chain([("client_id", id)]).collect();
            return Ok(request.with_form(&form));
        };
        if self.settings.secret_place == SecretPlace::Form {
            let app = [("client_id", id), ("client_secret", secret.expose())];
            let form: Vec<_> = form.iter().copied().chain(app).collect();
            return Ok(request.with_form(&form));
        }
        let encode = |it: &str| form_urlencoded::byte_serialize(it.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret.expose())));
        let mut basic = HeaderValue::try_from(format!("Basic {pair}"))
            .map_err(|_| self.error(PortErrorKind::Rejected, "sign", OAuthFault::Invalid))?;
        basic.set_sensitive(true);
        Ok(request.with_form(form).with_header(AUTHORIZATION, basic))
    }
}
