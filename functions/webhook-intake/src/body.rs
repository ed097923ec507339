//! Reading a request's body, never more of it than is taken.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::refusal::Refusal;

/// How much of a body is taken.
pub(crate) struct Room<'a> {
    /// The longest body, in bytes.
    pub(crate) max_bytes: usize,
    /// How long it may take to arrive.
    pub(crate) within: Duration,
    /// One permit for each byte that all bodies in hand may have together.
    pub(crate) together: &'a Semaphore,
}

/// A body, and its share of what all bodies may have together.
pub(crate) struct Taken<'a> {
    pub(crate) bytes: Bytes,
    _share: Option<SemaphorePermit<'a>>,
}

impl<'a> Room<'a> {
    /// Reads the whole of `body`.
    ///
    /// # Errors
    ///
    /// `TooLong` as soon as the length is known to be too great, `Busy` when other bodies have
    /// taken all the room, `Slow` when time is up, `Malformed` when the sender breaks off.
    pub(crate) async fn read(self, headers: &HeaderMap, body: Body) -> Result<Taken<'a>, Refusal> {
        let max_bytes = self.max_bytes;
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        if announced.and_then(|it| it.parse::<u64>().ok()).is_some_and(|it| it > max_bytes as u64) {
            return Err(Refusal::TooLong { max_bytes });
        }
        tokio::time::timeout(self.within, self.collect(body))
            .await
            .unwrap_or(Err(Refusal::Slow { within: self.within }))
    }

    async fn collect(&self, mut body: Body) -> Result<Taken<'a>, Refusal> {
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        let mut share: Option<SemaphorePermit<'a>> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::malformed("body", "was broken off"))?;
            let Ok(data) = frame.into_data() else { continue };
            let held = if whole.is_empty() { first.len() } else { whole.len() };
            if held + data.len() > self.max_bytes {
                return Err(Refusal::TooLong { max_bytes: self.max_bytes });
            }
            let n_bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
            let more = self.together.try_acquire_many(n_bytes).map_err(|_| Refusal::Busy)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
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
        let bytes = if whole.is_empty() { first } else { whole.freeze() };
        Ok(Taken { bytes, _share: share })
    }
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

    async fn read(body: Body, together: &Semaphore) -> Result<Taken<'_>, Refusal> {
        let room = Room { max_bytes: 10, within: Duration::from_secs(10), together };
        room.read(&HeaderMap::new(), body).await
    }

    #[tokio::test]
    async fn body_in_pieces_is_put_together_and_gives_its_room_back() {
        let together = Semaphore::new(20);
        let body = read(in_pieces(&["{", "\"a\"", ":1}"]), &together).await.unwrap();
        assert_eq!(body.bytes, r#"{"a":1}"#);
        assert_eq!(together.available_permits(), 13);
        drop(body);
        assert_eq!(together.available_permits(), 20);
    }

    #[tokio::test]
    async fn body_that_grows_too_long_is_refused_before_its_end() {
        let pieces = in_pieces(&["12345", "67890", "1"]);
        let Err(refusal) = read(pieces, &Semaphore::new(20)).await else { panic!("taken") };
        assert!(matches!(refusal, Refusal::TooLong { max_bytes: 10 }));
    }

    #[tokio::test]
    async fn body_for_which_the_others_leave_no_room_is_refused() {
        let together = Semaphore::new(12);
        let _held = read(in_pieces(&["1234567"]), &together).await.unwrap();
        let Err(refusal) = read(in_pieces(&["123", "456"]), &together).await else {
            panic!("taken")
        };
        assert!(matches!(refusal, Refusal::Busy));
        assert_eq!(together.available_permits(), 5, "a refused body keeps no room");
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_never_ends_is_refused_in_time() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
        let Err(refusal) = read(body, &Semaphore::new(20)).await else { panic!("taken") };
        assert_eq!(refusal.to_string(), "the body did not arrive within 10000 ms");
    }

    fn in_pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|it| Ok::<_, Infallible>(*it)).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }
}
