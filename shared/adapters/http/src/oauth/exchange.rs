//! One question to an authorization server: the bridge from crate `oauth2` to our HTTP client.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use oauth2::basic::BasicErrorResponse;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse, RequestTokenError};
use shared::{PortError, PortErrorKind};
use url::Url;

use super::client::OAuthClient;
use super::fault::{OAuthFault, OAuthRefusal};
use crate::body::Body;
use crate::request::Request;
use crate::response::Response;

/// Whether a question may be put twice when its answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The first token is simply never used.
    Safe,
    /// The code or the refresh token is good for one answer: asked again, a server may end the
    /// whole permission.
    Never,
}

/// Sends the questions that crate `oauth2` writes.
pub(crate) struct Exchange<'a> {
    pub(crate) client: &'a OAuthClient,
    pub(crate) operation: &'static str,
    pub(crate) repeat: Repeat,
}

/// The longest answer of an authorization server, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

impl Exchange<'_> {
    /// Sends `pairs` as a form; the app is told apart by the caller.
    pub(crate) async fn post(
        &self,
        url: Url,
        form: &[(&str, &str)],
    ) -> Result<Response, PortError> {
        self.send(self.begin(url).with_form(form)).await
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Response, PortError> {
        let response = self.client.http.send(request).await?;
        if let Some(date) = response.date() {
            let skew_ms = date.as_millis() - self.client.clock.now().as_millis();
            self.client.skew_ms.store(skew_ms, Ordering::Relaxed);
        }
        Ok(response)
    }

    pub(crate) fn begin(&self, url: Url) -> Request {
        let settings = &self.client.settings;
        let request = Request::post(settings.platform, self.operation, url)
            .with_subject(settings.subject.as_str())
            // Platforms count calls of their API, not of their login.
            .unmetered()
            .with_max_response_bytes(MAX_ANSWER_BYTES);
        match self.repeat {
            Repeat::Safe => request.repeatable(),
            Repeat::Never => request,
        }
    }

    /// Makes the error that `response`, which is no success, means.
    pub(crate) fn refusal(response: &Response) -> PortError {
        let by_status = response.kind().unwrap_or(PortErrorKind::Unavailable);
        let Some(refusal) = OAuthRefusal::parse(response.body()) else {
            // An error without the words of OAuth comes from something in between.
            let kind = match by_status {
                PortErrorKind::Rejected | PortErrorKind::NotFound => PortErrorKind::Rejected,
                kind => kind,
            };
            return response.error(kind);
        };
        let kind = match by_status {
            kind @ (PortErrorKind::Unavailable | PortErrorKind::RateLimited) => kind,
            _ => refusal.kind(),
        };
        response.error(kind).with_source(refusal)
    }

    async fn pass_on(&self, asked: HttpRequest) -> Result<HttpResponse, PortError> {
        let (head, body) = asked.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|_| {
            self.client.error(PortErrorKind::Rejected, self.operation, OAuthFault::Invalid)
        })?;
        let mut request = self.begin(url);
        for (name, mut value) in head.headers {
            let Some(name) = name else { continue };
            if name == AUTHORIZATION {
                value.set_sensitive(true);
            }
            request.headers.insert(name, value);
        }
        request.body = Body::Whole(body.into());
        let response = self.send(request).await?;
        // Here, where the wait that the server asks for is still known.
        if !response.status().is_success() {
            return Err(Self::refusal(&response));
        }
        let mut passed = HttpResponse::new(response.body().to_vec());
        *passed.status_mut() = response.status();
        if let Some(kind) = response.header(&http::header::CONTENT_TYPE)
            && let Ok(kind) = HeaderValue::from_str(kind)
        {
            passed.headers_mut().insert(http::header::CONTENT_TYPE, kind);
        }
        Ok(passed)
    }

    /// Makes our error of one of crate `oauth2`, which may hold a body.
    pub(crate) fn error(
        &self,
        error: RequestTokenError<PortError, BasicErrorResponse>,
    ) -> PortError {
        match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(answer) => {
                let description = answer.error_description().map(String::as_str);
                let refusal = OAuthRefusal::new(answer.error().as_ref(), description);
                self.client.error(refusal.kind(), self.operation, refusal)
            }
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                self.client.error(PortErrorKind::Unavailable, self.operation, OAuthFault::NotAToken)
            }
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Exchange<'_> {
    type Error = PortError;
    type Future = BoxFuture<'c, Result<HttpResponse, PortError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.pass_on(request).boxed()
    }
}
