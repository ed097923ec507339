//! Blobs in a bucket of S3, or of what speaks its protocol.
//!
//! Beside each blob stand, as its metadata, `sha256` and `written-by`: a random name of the request that
//! made it, by which an answer that was lost is told from another writer.

mod connect;
mod fault;
mod links;
mod notices;
mod store;
mod uploads;

pub use notices::InvalidNotice;
pub use store::S3BlobStore;
