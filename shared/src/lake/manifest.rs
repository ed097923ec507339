//! What the lake holds: the files, and the change up to which they tell all.
//!
//! One object, the head, is replaced by each commit. It names the newest files itself, and sealed
//! segments that name the others; so it stays small however many files there are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::schema::TableSchema;
use super::table::LakeTable;
use crate::ports::{BlobKey, Sha256Digest};
use crate::time::Timestamp;

/// The format that this build writes.
pub const FORMAT: u32 = 1;

/// Files that a segment names.
pub(super) const SEGMENT_FILES: usize = 256;

/// A file of the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeFile {
    /// The table it is of.
    pub table: LakeTable,
    /// The day on which its changes were committed, in UTC, such as `2026-11-30`.
    pub day: String,
    /// Its name in the blob store.
    pub key: BlobKey,
    /// How many rows it has.
    pub n_rows: u64,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// The first change in it.
    pub min_seq: u64,
    /// The last change in it.
    pub max_seq: u64,
    /// The earliest version of a record in it.
    pub min_version: Timestamp,
    /// The latest version of a record in it.
    pub max_version: Timestamp,
    /// The version of the table's columns that it has.
    pub schema_version: u32,
    /// Whether it was made of other files, whose rows it repeats.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_compacted: bool,
}

/// A sealed list of files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// Its name in the blob store.
    pub key: BlobKey,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// How many files it names.
    pub n_files: u64,
    /// How many rows they have.
    pub n_rows: u64,
    /// How long they are, in bytes.
    pub n_bytes: u64,
    /// The first change in any of them.
    pub min_seq: u64,
    /// The last change in any of them.
    pub max_seq: u64,
}

/// The object behind a [`SegmentRef`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The format of the manifest.
    pub format: u32,
    /// The files.
    pub files: Vec<LakeFile>,
}

/// An object that was replaced: it is kept for readers who hold an older manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// Its name in the blob store.
    pub key: BlobKey,
    /// Since when nothing names it any more.
    pub at: Timestamp,
}

/// The head of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format of the manifest.
    pub format: u32,
    /// Counts commits.
    pub revision: u64,
    /// Names the last commit, so that whoever made it knows it again.
    pub commit: String,
    /// When that was.
    pub committed_at: Timestamp,
    /// The change up to which the files tell all.
    pub position: u64,
    /// The columns of each table, every version, the latest last.
    pub schemas: BTreeMap<LakeTable, Vec<TableSchema>>,
    /// Sealed lists of files.
    pub segments: Vec<SegmentRef>,
    /// The files that no segment names.
    pub files: Vec<LakeFile>,
    /// What was replaced a while ago.
    #[serde(default)]
    pub retired: Vec<Retired>,
}

impl Default for Head {
    /// A lake without any file.
    fn default() -> Self {
        Self {
            format: FORMAT,
            revision: 0,
            commit: String::new(),
            committed_at: Timestamp::EPOCH,
            position: 0,
            schemas: BTreeMap::new(),
            segments: Vec::new(),
            files: Vec::new(),
            retired: Vec::new(),
        }
    }
}

/// How much a lake, or a part of it, holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LakeSize {
    /// Files.
    pub n_files: u64,
    /// Rows.
    pub n_rows: u64,
    /// Bytes.
    pub n_bytes: u64,
}

impl LakeSize {
    /// Adds a file.
    pub fn add(&mut self, file: &LakeFile) {
        self.n_files += 1;
        self.n_rows += file.n_rows;
        self.n_bytes += file.n_bytes;
    }
}

impl SegmentRef {
    /// Describes the segment `key` that names `files`.
    pub(super) fn new(key: BlobKey, sha256: Sha256Digest, files: &[LakeFile]) -> Self {
        let mut size = LakeSize::default();
        files.iter().for_each(|it| size.add(it));
        Self {
            key,
            sha256,
            n_files: size.n_files,
            n_rows: size.n_rows,
            n_bytes: size.n_bytes,
            min_seq: files.iter().map(|it| it.min_seq).min().unwrap_or(0),
            max_seq: files.iter().map(|it| it.max_seq).max().unwrap_or(0),
        }
    }
}

impl Head {
    /// Tells how much the lake holds.
    pub fn size(&self) -> LakeSize {
        let mut size = LakeSize::default();
        self.files.iter().for_each(|it| size.add(it));
        for segment in &self.segments {
            size.n_files += segment.n_files;
            size.n_rows += segment.n_rows;
            size.n_bytes += segment.n_bytes;
        }
        size
    }

    /// Returns the columns of `table` as they were written last.
    pub fn schema(&self, table: LakeTable) -> Option<&TableSchema> {
        self.schemas.get(&table)?.last()
    }
}
