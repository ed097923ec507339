//! Reads the manifest, and replaces its head: the one write by which files become part of the lake.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream};
use metrics::counter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::commit::Commit;
use super::error::LakeError;
use super::manifest::{FORMAT, Head, LakeFile, SEGMENT_FILES, Segment, SegmentRef};
use crate::error::PortErrorKind;
use crate::ports::{
    BlobKey, BlobStore, BlobVersion, Clock, MediaType, PutBlob, PutCondition, Sha256Digest,
    read_whole,
};

/// What the keys of all objects of the lake begin with.
pub const LAKE_PREFIX: &str = "lake/";
/// The head of the manifest.
const HEAD: &str = "lake/manifest.json";
/// What the keys of segments begin with.
pub(super) const SEGMENTS: &str = "lake/segments/";
/// The longest object of a manifest, in bytes. A head of a thousand segments has half a megabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How often a commit is laid on top of those of others.
const MAX_ATTEMPTS: u64 = 8;
/// How long what nothing names is kept: for readers who hold an older manifest, and for runs that have
/// not committed yet.
pub const GRACE: Duration = Duration::from_hours(24);

/// The head with the version that guards it.
#[derive(Clone, Debug)]
pub struct LoadedHead {
    /// The head; an empty one where there is no lake yet.
    pub head: Head,
    version: Option<BlobVersion>,
}

/// What became of a commit.
#[derive(Clone, Debug)]
pub enum CommitOutcome {
    /// It stands.
    Committed(LoadedHead),
    /// Somebody else has done the same work: its files are of no use.
    Lost(LoadedHead),
}

/// The manifest of the lake in a blob store.
#[derive(Clone)]
pub struct Catalog {
    blobs: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
}

impl Catalog {
    /// Reads and writes the manifest in `blobs`.
    pub fn new(blobs: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        Self { blobs, clock }
    }

    pub(super) fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.blobs
    }

    /// Reads the head.
    ///
    /// # Errors
    ///
    /// [`LakeError::Manifest`] and [`LakeError::Newer`] when it cannot be read, else as the store
    /// answers.
    pub async fn load(&self) -> Result<LoadedHead, LakeError> {
        let key = named(HEAD)?;
        let read = match self.blobs.read(&key, None).await {
            Err(error) if error.kind() == PortErrorKind::NotFound => {
                return Ok(LoadedHead { head: Head::default(), version: None });
            }
            read => read?,
        };
        let version = read.blob.version.clone();
        let mut whole = Vec::new();
        let mut bytes = read.bytes;
        while let Some(some) = bytes.try_next().await? {
            whole.extend_from_slice(&some);
            if whole.len() > MAX_BYTES {
                return Err(no_manifest(&key, format!("it is longer than {MAX_BYTES} bytes")));
            }
        }
        let head: Head = parsed(&key, &whole)?;
        Ok(LoadedHead { head, version: Some(version) })
    }

    /// Reads the files that a segment names.
    ///
    /// # Errors
    ///
    /// As [`load`](Catalog::load), and [`LakeError::Manifest`] when it is another one than was sealed.
    pub async fn segment(&self, segment: &SegmentRef) -> Result<Vec<LakeFile>, LakeError> {
        let bytes = read_whole(&*self.blobs, &segment.key, MAX_BYTES).await?;
        if Sha256Digest::of(&bytes) != segment.sha256 {
            return Err(no_manifest(&segment.key, "it is another one than was sealed"));
        }
        let Segment { files, .. } = parsed(&segment.key, &bytes)?;
        Ok(files)
    }

    /// Lists the files of the lake, the oldest segment first, one segment in memory at a time.
    pub fn files<'a>(
        &'a self,
        head: &'a Head,
    ) -> impl Stream<Item = Result<LakeFile, LakeError>> + Send + 'a {
        self.files_after(head, 0)
    }

    /// Lists the files with changes after `seq`: what a reader that has come so far has yet to read.
    /// A file may begin before that; its rows up to `seq` were in other files, too.
    pub fn files_after<'a>(
        &'a self,
        head: &'a Head,
        seq: u64,
    ) -> impl Stream<Item = Result<LakeFile, LakeError>> + Send + 'a {
        let segments = head.segments.iter().filter(move |it| it.max_seq > seq);
        let sealed = stream::iter(segments.map(Ok::<_, LakeError>));
        let sealed = sealed.and_then(|it| self.segment(it));
        let sealed = sealed.map_ok(|files| stream::iter(files.into_iter().map(Ok))).try_flatten();
        let open = stream::iter(head.files.iter().cloned().map(Ok));
        let all = futures_util::StreamExt::chain(sealed, open);
        all.try_filter(move |it| std::future::ready(it.max_seq > seq))
    }

    /// Makes `commit` part of the lake. Where others committed something else meanwhile, it is laid on
    /// top of that; where they committed the same work, it is lost.
    ///
    /// # Errors
    ///
    /// [`LakeError::TooLate`] when the run began too long ago, [`LakeError::Contended`] when others are
    /// always faster, else as the store answers: then nobody knows whether it stands, and the files of
    /// the commit must be left where they are.
    pub async fn commit(
        &self,
        loaded: LoadedHead,
        commit: &Commit,
    ) -> Result<CommitOutcome, LakeError> {
        let mut loaded = loaded;
        for attempt in 1..=MAX_ATTEMPTS {
            let now = self.clock.now();
            let took = now.since(commit.began_at);
            if took > GRACE / 2 {
                return Err(LakeError::TooLate { hours: took.as_secs() / 3600 });
            }
            let pulled = self.pulled(&loaded.head, commit).await?;
            let Some(next) = commit.applied(&loaded.head, pulled, now) else {
                counter!("lake_commits_total", "kind" => commit.kind, "outcome" => "lost")
                    .increment(1);
                return Ok(CommitOutcome::Lost(loaded));
            };
            let next = self.sealed(next, &format!("{}-{attempt}", commit.id)).await?;
            match self.put_head(&next, loaded.version.as_ref()).await {
                Ok(version) => {
                    counter!("lake_commits_total", "kind" => commit.kind, "outcome" => "committed")
                        .increment(1);
                    let loaded = LoadedHead { head: next, version: Some(version) };
                    return Ok(CommitOutcome::Committed(loaded));
                }
                Err(LakeError::Port(error)) if LakeError::is_conflict(&error) => {}
                Err(LakeError::Port(error)) => {
                    // Its answer may be lost while the head stands.
                    let found = self.load().await;
                    return match found {
                        Ok(found) if self.stands(&found.head, commit).await? => {
                            Ok(CommitOutcome::Committed(found))
                        }
                        _ => Err(error.into()),
                    };
                }
                Err(other) => return Err(other),
            }
            // A conditional put that was sent twice by the client meets its own head.
            loaded = self.load().await?;
            if self.stands(&loaded.head, commit).await? {
                return Ok(CommitOutcome::Committed(loaded));
            }
        }
        Err(LakeError::Contended { n_attempts: MAX_ATTEMPTS })
    }

    /// Tells whether `head`, or one before it, is that of `commit`.
    pub(super) async fn stands(&self, head: &Head, commit: &Commit) -> Result<bool, LakeError> {
        if head.commit == commit.id {
            return Ok(true);
        }
        let Some(first) = commit.added.first() else { return Ok(false) };
        Ok(self.kept(head, &BTreeSet::from([&first.key])).await?.contains(&first.key))
    }

    /// Returns those of `keys` that `head` names, or that were replaced a while ago.
    pub(super) async fn kept(
        &self,
        head: &Head,
        keys: &BTreeSet<&BlobKey>,
    ) -> Result<BTreeSet<BlobKey>, LakeError> {
        let retired = head.retired.iter().map(|it| &it.key).filter(|it| keys.contains(it));
        let mut kept: BTreeSet<BlobKey> = retired.cloned().collect();
        let mut files = std::pin::pin!(self.files(head));
        while let Some(file) = files.try_next().await? {
            if keys.contains(&file.key) {
                kept.insert(file.key);
            }
        }
        Ok(kept)
    }

    /// Reads the files of the segments that name what `commit` removes.
    async fn pulled(
        &self,
        head: &Head,
        commit: &Commit,
    ) -> Result<Vec<(SegmentRef, Vec<LakeFile>)>, LakeError> {
        let mut pulled = Vec::new();
        if commit.removed.is_empty() {
            return Ok(pulled);
        }
        for segment in &head.segments {
            let files = self.segment(segment).await?;
            if files.iter().any(|it| commit.removed.contains(&it.key)) {
                pulled.push((segment.clone(), files));
            }
        }
        Ok(pulled)
    }

    /// Seals the oldest files of `head` until it names few enough itself.
    async fn sealed(&self, mut head: Head, name: &str) -> Result<Head, LakeError> {
        let mut number = 0;
        while head.files.len() >= 2 * SEGMENT_FILES {
            let rest = head.files.split_off(SEGMENT_FILES);
            let files = std::mem::replace(&mut head.files, rest);
            let key = named(&format!("{SEGMENTS}{name}-{number:03}.json"))?;
            let segment = Segment { format: FORMAT, files };
            let bytes = written(&key, &segment)?;
            let sha256 = Sha256Digest::of(&bytes);
            let options = PutBlob {
                media_type: json_type(),
                sha256: Some(sha256),
                condition: PutCondition::Always,
            };
            self.blobs.put(&key, bytes, &options).await?;
            head.segments.push(SegmentRef::new(key, sha256, &segment.files));
            number += 1;
        }
        Ok(head)
    }

    async fn put_head(
        &self,
        head: &Head,
        version: Option<&BlobVersion>,
    ) -> Result<BlobVersion, LakeError> {
        let key = named(HEAD)?;
        let bytes = written(&key, head)?;
        let condition = version.cloned().map_or(PutCondition::IfAbsent, PutCondition::IfVersion);
        let sha256 = Some(Sha256Digest::of(&bytes));
        let options = PutBlob { media_type: json_type(), sha256, condition };
        Ok(self.blobs.put(&key, bytes, &options).await?.version)
    }
}

fn json_type() -> MediaType {
    MediaType::parse("application/json").unwrap_or_default()
}

pub(super) fn named(key: &str) -> Result<BlobKey, LakeError> {
    BlobKey::parse(key)
        .map_err(|error| LakeError::Manifest { key: key.to_owned(), source: error.into() })
}

fn no_manifest(
    key: &BlobKey,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> LakeError {
    LakeError::Manifest { key: key.to_string(), source: why.into() }
}

fn written(key: &BlobKey, object: &impl Serialize) -> Result<Bytes, LakeError> {
    serde_json::to_vec(object).map(Bytes::from).map_err(|error| no_manifest(key, error))
}

/// Reads an object of the manifest, whose format is looked at before all else.
fn parsed<T: DeserializeOwned>(key: &BlobKey, bytes: &[u8]) -> Result<T, LakeError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let Format { format } = serde_json::from_slice(bytes).map_err(|it| no_manifest(key, it))?;
    if format > FORMAT {
        return Err(LakeError::Newer { found: format, known: FORMAT });
    }
    serde_json::from_slice(bytes).map_err(|error| no_manifest(key, error))
}
