//! Carries OTLP requests over the same TLS stack as everything else.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};

/// The longest one request may take.
pub(crate) const WITHIN: Duration = Duration::from_millis(1_500);

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 65_536;

/// Sends to the collector; follows no redirects.
#[derive(Debug)]
pub(crate) struct Client(reqwest::Client);

/// An answer that is no answer of a collector.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
struct TooLong;

impl Client {
    /// Builds the client.
    ///
    /// # Errors
    ///
    /// When TLS cannot be set up on this machine.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        reqwest::Client::builder()
            .timeout(WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("moodbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        // Built by hand: the collector's address may hold a key, and errors must not repeat it.
        let url = head.uri.to_string();
        let sent = self.0.request(head.method, url).headers(head.headers).body(body).send();
        let answer = sent.await.map_err(reqwest::Error::without_url)?;
        if answer.content_length().is_some_and(|it| it > MAX_ANSWER_BYTES) {
            return Err(TooLong.into());
        }
        let mut whole = Response::builder().status(answer.status());
        if let Some(headers) = whole.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
        Ok(whole.body(body)?)
    }
}
