//! The contract of the blob port: in a folder, and at a peer that stands for S3: `scripts/with-aws`.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

mod bucket;
mod folder;
mod links;
mod s3;
