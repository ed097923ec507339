//! One site-to-site transaction: opened, filled while it is kept alive, compared, and confirmed.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpFault, Request};
use http::header::{ACCEPT, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use shared::ids::CorrelationId;
use shared::{PortError, PortErrorKind, chain};
use tracing::{debug, warn};

use crate::client::NifiClient;
use crate::encode::Batch;
use crate::fault::{TransactionResult, code, error_of, result_of, told};
use crate::listen::unknown;

/// The longest that the flow files of one batch may take.
pub(crate) const UPLOAD_LIMIT: Duration = Duration::from_hours(1);

const PROTOCOL: HeaderName = HeaderName::from_static("x-nifi-site-to-site-protocol-version");
const TTL: HeaderName = HeaderName::from_static("x-nifi-site-to-site-server-transaction-ttl");
const COMPRESSED: HeaderName = HeaderName::from_static("x-nifi-site-to-site-use-compression");
const EXPIRATION: HeaderName = HeaderName::from_static("x-nifi-site-to-site-request-expiration");

/// How a transaction ended.
pub(crate) enum Ended {
    /// The flow keeps the batch.
    Taken {
        /// It has as much as it can work on.
        is_full: bool,
    },
    /// The other side read other bytes than were sent: nothing was kept.
    BadChecksum,
}

/// An answer that lacks what a transaction needs.
#[derive(Debug, thiserror::Error)]
#[error("the answer lacks a good header `{0}`: is something in between that takes it away?")]
struct Lacking(HeaderName);

/// A transaction that is open.
pub(crate) struct Transaction<'a> {
    node: &'a NifiClient,
    correlation: &'a CorrelationId,
    port: &'a str,
    id: String,
    ttl: Duration,
}

impl<'a> Transaction<'a> {
    /// Opens a transaction at `port`. One that is not used ends by itself.
    pub(crate) async fn open(
        node: &'a NifiClient,
        port: &'a str,
        correlation: &'a CorrelationId,
    ) -> Result<Self, PortError> {
        let segments = ["data-transfer", "input-ports", port, "transactions"];
        let request = node.request("open transaction", Method::POST, &segments)?;
        let response = node.call(with_handshake(request, correlation).repeatable()).await?;
        if response.status() != StatusCode::CREATED {
            return Err(error_of(&response));
        }
        let lacking = |name| response.error(PortErrorKind::Rejected).with_source(Lacking(name));
        let id = response.header(&LOCATION).and_then(id_in).ok_or_else(|| lacking(LOCATION))?;
        let ttl = response.header(&TTL).and_then(|it| it.trim().parse().ok());
        let ttl = ttl.filter(|it| *it > 0).ok_or_else(|| lacking(TTL))?;
        if response.header(&PROTOCOL) != Some("1") {
            return Err(lacking(PROTOCOL));
        }
        Ok(Self { node, correlation, port, id, ttl: Duration::from_secs(ttl) })
    }

    /// Sends `batch` and ends the transaction.
    pub(crate) async fn run(self, batch: &Batch) -> Result<Ended, PortError> {
        let answered = tokio::select! {
            answered = self.upload(batch) => answered,
            fault = self.keep_alive() => Err(fault),
        };
        let theirs = match answered {
            Ok(theirs) => theirs,
            Err(error) => {
                self.give_up(code::CANCEL).await;
                return Err(error);
            }
        };
        if theirs == batch.tally().checksum() {
            return self.confirm().await;
        }
        warn!("the flow files of a transaction arrived with another checksum: they are sent again");
        self.give_up(code::BAD_CHECKSUM).await;
        Ok(Ended::BadChecksum)
    }

    /// Sends the packets and returns the checksum that the other side saw.
    async fn upload(&self, batch: &Batch) -> Result<u32, PortError> {
        let segments = [&self.segments()[..], &["flow-files"]].concat();
        let request = self.node.request("send flow files", Method::POST, &segments)?;
        let request = with_handshake(request, self.correlation)
            .with_header(ACCEPT, HeaderValue::from_static("text/plain"))
            .with_stream(
                HeaderValue::from_static("application/octet-stream"),
                Arc::new(batch.clone()),
            )
            .with_attempt_timeout(UPLOAD_LIMIT)
            .with_deadline(UPLOAD_LIMIT);
        let response = self.node.call(request).await?;
        match response.status() {
            StatusCode::ACCEPTED => {}
            // It ended over there: the port is known, and all may be sent again.
            StatusCode::NOT_FOUND => return Err(told(&response, PortErrorKind::Unavailable)),
            _ => return Err(error_of(&response)),
        }
        let text = std::str::from_utf8(response.body()).unwrap_or_default().trim();
        text.parse().map_err(|_| {
            response.error(PortErrorKind::Unavailable).with_source("the answer is no checksum")
        })
    }

    /// Extends the transaction for as long as it is filled; returns only when it has ended over there.
    async fn keep_alive(&self) -> PortError {
        loop {
            tokio::time::sleep(self.ttl / 2).await;
            let extended = async {
                let request = self.node.request("extend", Method::PUT, &self.segments())?;
                self.node.call(with_handshake(request, self.correlation)).await
            };
            match extended.await {
                Ok(response) if response.status() == StatusCode::NOT_FOUND => {
                    return told(&response, PortErrorKind::Unavailable);
                }
                Ok(response) if response.status().is_success() => {}
                Ok(response) => debug!("extending answered HTTP {}", response.status()),
                Err(error) => debug!(error = %chain(&error), "a transaction was not extended"),
            }
        }
    }

    /// Says that both saw the same: from here on the flow keeps the batch.
    async fn confirm(&self) -> Result<Ended, PortError> {
        // Said twice, the second answer would not tell what the first one did.
        let request = self.ending("confirm", code::CONFIRM)?.unrepeatable();
        let response = self
            .node
            .call(request)
            .await
            .map_err(|error| if is_answer_lost(&error) { unknown(error) } else { error })?;
        match (response.status().is_success(), result_of(&response)) {
            (true, Some(TransactionResult { response_code: code::FINISHED, .. })) => {
                Ok(Ended::Taken { is_full: false })
            }
            (true, Some(TransactionResult { response_code: code::FINISHED_BUT_FULL, .. })) => {
                Ok(Ended::Taken { is_full: true })
            }
            // It ended before it was confirmed: nothing was kept, and all may be sent again.
            (false, _) if response.status() == StatusCode::NOT_FOUND => {
                Err(told(&response, PortErrorKind::Unavailable))
            }
            (false, _) if response.status().is_client_error() => Err(error_of(&response)),
            _ => Err(unknown(told(&response, PortErrorKind::Unavailable))),
        }
    }

    /// Ends the transaction with nothing kept. When that does not arrive it ends by itself.
    async fn give_up(&self, code: u32) {
        let ended = async { self.node.call(self.ending("cancel", code)?).await };
        if let Err(error) = ended.await {
            debug!(error = %chain(&error), "a transaction was left to end by itself");
        }
    }

    fn ending(&self, operation: &'static str, code: u32) -> Result<Request, PortError> {
        let request = self.node.request(operation, Method::DELETE, &self.segments())?;
        let request = request.with_query(&[("responseCode", &code.to_string())]);
        Ok(with_handshake(request, self.correlation))
    }

    fn segments(&self) -> [&str; 5] {
        ["data-transfer", "input-ports", self.port, "transactions", &self.id]
    }
}

fn with_handshake(request: Request, correlation: &CorrelationId) -> Request {
    request
        .with_header(PROTOCOL, HeaderValue::from_static("1"))
        .with_header(COMPRESSED, HeaderValue::from_static("false"))
        .with_header(EXPIRATION, HeaderValue::from_static("30000"))
        .with_correlation(correlation)
}

/// Reads the id of a transaction from its address. The rest of the address is not followed: the token
/// goes to hosts that the settings or the cluster named.
fn id_in(location: &str) -> Option<String> {
    let id = location.trim_end_matches('/').rsplit('/').next()?;
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    is_id.then(|| id.to_owned())
}

/// Tells whether a call may have done its work although no answer came.
pub(crate) fn is_answer_lost(error: &PortError) -> bool {
    let fault = error.source().and_then(|it| it.downcast_ref::<HttpFault>());
    matches!(
        fault,
        Some(HttpFault::Connection { is_unsent: false, .. } | HttpFault::Timeout { .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_read_and_nothing_that_leads_elsewhere() {
        let id = "4d1e5f0a-9f5d-4a8e-8c53-0f6b1c9f3a11";
        let location = format!("https://other.example/nifi-api/data-transfer/x/transactions/{id}");
        assert_eq!(id_in(&location).as_deref(), Some(id));
        for other in ["", "/", "/a/..", "/a/b?c", "/a/%2e%2e", &"x".repeat(65)] {
            assert_eq!(id_in(other), None, "{other}");
        }
    }
}
