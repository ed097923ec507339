//! Bodies that end too early.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::Response;
use futures_util::StreamExt;
use futures_util::stream;

use super::wire::Wire;

/// How long what was sent before a reset has to get out.
const FLUSH: Duration = Duration::from_millis(20);

/// Where a body ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How much of what is looked at is sent, from 0 to 1.
    pub(super) fraction: f64,
    /// How much is looked at, in bytes.
    pub(super) window_bytes: usize,
}

/// Reads the beginning of a body, and cuts it where it is to end.
async fn beginning(response: Response, place: Place) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    while read.len() < place.window_bytes {
        match stream.next().await {
            Some(Ok(chunk)) => read.extend_from_slice(&chunk),
            Some(Err(_)) | None => break,
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length in memory"
    )]
    let end = (read.len() as f64 * place.fraction) as usize;
    // One byte at least is missing, or it would not be cut.
    let mut end = end.min(read.len().saturating_sub(1));
    let is_csv = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("csv"));
    if is_csv && !parts.headers.contains_key(header::CONTENT_ENCODING) {
        // Between two rows, where no reader of CSV can notice.
        let rows = read.get(..end).and_then(|read| read.iter().rposition(|byte| *byte == b'\n'));
        end = rows.map_or(end, |newline| newline + 1);
    }
    read.truncate(end);
    (parts, Bytes::from(read))
}

/// Ends a body too early, and properly as far as HTTP can tell.
pub(super) async fn end_early(response: Response, place: Place) -> Response {
    let (mut parts, read) = beginning(response, place).await;
    parts.headers.remove(header::CONTENT_LENGTH);
    // A stream of unknown length, so that it is sent in chunks.
    let body = Body::from_stream(stream::iter([Ok::<_, io::Error>(read)]));
    Response::from_parts(parts, body)
}

/// Sends the beginning of a body, then resets the connection.
pub(super) async fn reset_within(response: Response, place: Place, wire: Option<Wire>) -> Response {
    let (parts, read) = beginning(response, place).await;
    let end = stream::once(async move {
        tokio::time::sleep(FLUSH).await;
        if let Some(wire) = wire {
            wire.cut();
        }
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let body = stream::iter([Ok(read)]).chain(end);
    Response::from_parts(parts, Body::from_stream(body))
}

/// An answer that never arrives: its connection is reset.
pub(super) fn reset(wire: Option<Wire>) -> Response {
    if let Some(wire) = wire {
        wire.cut();
        return Response::new(Body::empty());
    }
    // Without a connection of ours, the best that can be done is an answer that breaks off.
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(error)])))
}
