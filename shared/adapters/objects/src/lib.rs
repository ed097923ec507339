//! Documents and large files behind the blob port: in S3, or in a folder of this machine.

mod address;
mod folder;
mod s3;

pub use address::{BlobAddress, InvalidBlobAddress, S3Address};
pub use folder::FolderBlobStore;
pub use s3::{InvalidNotice, S3BlobStore};
