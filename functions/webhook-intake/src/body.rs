//! Reading a request's body, never more of it than is taken.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::refusal::Refusal;

/// Reads the whole of `body`, at most `max_bytes` long, within `within`.
///
/// # Errors
///
/// `TooLong` as soon as the length is known to be too great, `Slow` when time is up, `Malformed`
/// when the sender breaks off.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    within: Duration,
) -> Result<Bytes, Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    if announced.and_then(|it| it.parse::<u64>().ok()).is_some_and(|it| it > max_bytes as u64) {
        return Err(Refusal::TooLong { max_bytes });
    }
    tokio::time::timeout(within, collect(body, max_bytes))
        .await
        .unwrap_or(Err(Refusal::Slow { within }))
}

async fn collect(mut body: Body, max_bytes: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::malformed("body", "was broken off"))?;
        let Ok(data) = frame.into_data() else { continue };
        let held = if whole.is_empty() { first.len() } else { whole.len() };
        if held + data.len() > max_bytes {
            return Err(Refusal::TooLong { max_bytes });
        }
        if held == 0 {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    // Most bodies are one piece, and stay where they are.
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Returns the body as text.
///
/// # Errors
///
/// `Malformed`, naming the first byte that is not UTF-8.
pub(crate) fn as_text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|error| {
        Refusal::malformed("body", format!("is not UTF-8 at byte {}", error.valid_up_to()))
    })
}

/// Tells whether the content type is one of `accepted`, its parameters aside.
pub(crate) fn has_type(headers: &HeaderMap, accepted: impl Fn(&str) -> bool) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.split(';').next())
        .is_some_and(|kind| accepted(&kind.trim().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn body_in_pieces_is_put_together() {
        let pieces = in_pieces(&["{", "\"a\"", ":1}"]);
        let body = collect(pieces, 100).await.unwrap();
        assert_eq!(body, r#"{"a":1}"#);
    }

    #[tokio::test]
    async fn body_that_grows_too_long_is_refused_before_its_end() {
        let pieces = in_pieces(&["12345", "67890", "1"]);
        let refusal = collect(pieces, 10).await.unwrap_err();
        assert!(matches!(refusal, Refusal::TooLong { max_bytes: 10 }));
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_never_ends_is_refused_in_time() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
        let within = Duration::from_secs(10);
        let refusal = read(&HeaderMap::new(), body, 10, within).await.unwrap_err();
        assert_eq!(refusal.to_string(), "the body did not arrive within 10000 ms");
    }

    fn in_pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|it| Ok::<_, Infallible>(*it)).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }
}
