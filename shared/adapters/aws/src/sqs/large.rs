//! Bodies that are too long for SQS: stored as blobs, with a pointer in the message (a claim check).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::error::{PortError, PortErrorKind, Retry, chain};
use shared::ports::{BlobKey, BlobStore, Delivery, MediaType, PutBlob, Sha256Digest, read_whole};

use super::queue::SqsQueue;

/// The longest body with a store for it, in bytes: a handler holds it in memory.
pub(super) const LARGEST: usize = 8 << 20;
/// The longest body that travels in the message itself, in bytes. SQS takes more by now, and bills each
/// 64 KiB; what reads its events elsewhere may not. Source: Amazon SQS developer guide, "Message quotas".
pub(super) const THRESHOLD: usize = 262_144 - 8_192;
/// What the body of a pointer begins with.
const MARK: &str = r#"{"moodbridge.large_body":"#;
/// Where the bodies are.
const FOLDER: &str = "messages/";
/// How long a message is hidden whose body cannot be fetched just now.
const LATER: Duration = Duration::from_secs(30);

/// Bodies under keys made of their digests.
///
/// They are never deleted by us: one body may be that of several messages, and a dead letter may be sent
/// again. The bucket forgets them when no queue can hold their messages any more; whoever sends such a
/// message again or sets it aside puts the body anew, so its time begins anew too.
#[derive(Clone)]
pub(super) struct LargeBodies {
    store: Arc<dyn BlobStore>,
    threshold: usize,
}

/// What stands in a message in place of its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pointer {
    #[serde(rename = "moodbridge.large_body")]
    body: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    key: BlobKey,
    n_bytes: u64,
    sha256: Sha256Digest,
}

/// Whether SQS would hand it out as a pointer, though somebody sent it as a body.
pub(super) fn is_mistakable(body: &str) -> bool {
    body.starts_with(MARK)
}

impl Pointer {
    /// Reads a pointer; `None` when `body` is a body.
    pub(super) fn read(body: &str) -> Option<Self> {
        if body.starts_with(MARK) { serde_json::from_str(body).ok() } else { None }
    }
}

impl LargeBodies {
    pub(super) fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store, threshold: THRESHOLD }
    }

    /// Puts `body` and returns the text of its pointer. It is durable then.
    async fn put(&self, body: &str) -> Result<String, PortError> {
        let sha256 = Sha256Digest::of(body.as_bytes());
        let fault = |error: Box<dyn std::error::Error + Send + Sync>| {
            PortError::new(PortErrorKind::Rejected, crate::PLATFORM, "store body", FOLDER)
                .with_source(error)
        };
        let key = BlobKey::parse(format!("{FOLDER}{sha256}")).map_err(|it| fault(it.into()))?;
        let media_type = MediaType::parse("text/plain; charset=utf-8");
        let options = PutBlob {
            media_type: media_type.unwrap_or_default(),
            sha256: Some(sha256),
            ..PutBlob::default()
        };
        self.store.put(&key, body.as_bytes().to_vec().into(), &options).await?;
        let body = Place { key, n_bytes: body.len() as u64, sha256 };
        serde_json::to_string(&Pointer { body }).map_err(|it| fault(it.into()))
    }

    /// Returns the body that `pointer` stands for, whole and unaltered.
    async fn fetch(&self, pointer: &Pointer) -> Result<String, PortError> {
        let Place { key, n_bytes, sha256 } = &pointer.body;
        let fault = |why: &'static str| {
            PortError::new(PortErrorKind::Rejected, crate::PLATFORM, "fetch body", key.as_str())
                .with_source(why)
        };
        // A message must not make us read what is no body of a message.
        if !key.as_str().starts_with(FOLDER) {
            return Err(fault("the message points to a blob that is no body of a message"));
        }
        let bytes = read_whole(self.store.as_ref(), key, LARGEST).await?;
        if bytes.len() as u64 != *n_bytes || Sha256Digest::of(&bytes) != *sha256 {
            return Err(fault("the stored body is not the one that was sent"));
        }
        String::from_utf8(bytes.into()).map_err(|_| fault("the stored body is no text"))
    }
}

impl SqsQueue {
    /// Returns what stands in the message of `body`: itself, or the pointer to where it is put now.
    pub(super) async fn packed<'a>(&self, body: &'a str) -> Result<Cow<'a, str>, PortError> {
        match &self.large {
            Some(large) if body.len() > large.threshold => large.put(body).await.map(Cow::Owned),
            _ => Ok(Cow::Borrowed(body)),
        }
    }

    /// Returns the body that was sent, of one as it stands in a message.
    pub(super) async fn unpacked<'a>(&self, body: &'a str) -> Result<Cow<'a, str>, PortError> {
        let Some(pointer) = Pointer::read(body) else { return Ok(Cow::Borrowed(body)) };
        match &self.large {
            Some(large) => large.fetch(&pointer).await.map(Cow::Owned),
            None => Err(self.call("fetch body").fault(PortErrorKind::Rejected).with_source(
                "its body is stored outside of the queue: name the store in the queue's address, \
                 `&large=s3://BUCKET`",
            )),
        }
    }

    /// Puts the body of a pointer anew, so that it is there as long as the message that is sent now.
    pub(super) async fn keep_body(&self, body: &str) {
        let (Some(large), Some(pointer)) = (&self.large, Pointer::read(body)) else { return };
        let kept = match large.fetch(&pointer).await {
            Ok(body) => large.put(&body).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(error = %chain(&error), queue = %self.name,
                "stored body of a message cannot be kept longer");
        }
    }

    /// Fetches the body of what was received, where it is stored. A message whose body is gone or
    /// altered is set aside; one whose body cannot be fetched just now comes again.
    pub(super) async fn with_body(&self, delivery: Delivery) -> Option<Delivery> {
        let error = match self.unpacked(&delivery.body).await {
            Ok(Cow::Borrowed(_)) => return Some(delivery),
            Ok(Cow::Owned(body)) => return Some(Delivery { body, ..delivery }),
            Err(error) => error,
        };
        tracing::warn!(error = %chain(&error), queue = %self.name, message.id = %delivery.id,
            "large body of message `{}` cannot be had", delivery.id);
        // A store that denies us may relent once its set-up is mended.
        let is_denied = error.kind() == PortErrorKind::Denied;
        let settled = match error.retry() {
            Retry::Never if !is_denied => {
                let reason = format!("its large body cannot be had: {}", chain(&error));
                self.set_aside(&delivery, &reason).await
            }
            _ => {
                let delay = error.retry_after().unwrap_or(LATER);
                self.hide_if_held(&delivery, delay, "receive").await.map(|_| ())
            }
        };
        if let Err(error) = settled {
            // It comes again by itself; the others of the answer must not wait for it.
            tracing::warn!(error = %chain(&error), queue = %self.name, message.id = %delivery.id,
                "message `{}` is not settled", delivery.id);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::{MemoryBlobStore, SystemClock};

    use super::*;

    fn large() -> LargeBodies {
        LargeBodies::new(Arc::new(MemoryBlobStore::new(Arc::new(SystemClock))))
    }

    #[tokio::test]
    async fn body_is_fetched_as_it_was_put_and_a_lie_is_refused() {
        let large = large();
        let text = large.put("a ✓ body").await.unwrap();
        let pointer = Pointer::read(&text).unwrap();
        assert_eq!(large.fetch(&pointer).await.unwrap(), "a ✓ body");

        let mut other = pointer.clone();
        other.body.sha256 = Sha256Digest::of(b"other");
        assert_eq!(large.fetch(&other).await.unwrap_err().kind(), PortErrorKind::Rejected);
        let mut elsewhere = pointer.clone();
        elsewhere.body.key = BlobKey::parse("documents/secret").unwrap();
        assert_eq!(large.fetch(&elsewhere).await.unwrap_err().kind(), PortErrorKind::Rejected);
        large.store.delete(&pointer.body.key).await.unwrap();
        assert_eq!(large.fetch(&pointer).await.unwrap_err().kind(), PortErrorKind::NotFound);
    }

    #[test]
    fn body_is_no_pointer() {
        for body in ["", "{}", r#"{"moodbridge.large_body":7}"#, r#" {"moodbridge.large_body":{}}"#]
        {
            assert_eq!(Pointer::read(body), None, "{body}");
        }
    }
}
