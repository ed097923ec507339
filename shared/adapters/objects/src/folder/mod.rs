//! Blobs in a folder of this machine, each a plain file under its key.
//!
//! What is not a blob lies in the hidden folder `.moodbridge` within: what is being written, uploads,
//! locks, and beside each blob what its file cannot hold. A blob comes into being by a rename or a hard
//! link of a file that is on the disk already, so nobody sees half of one, and a crash leaves none.

mod about;
mod files;
mod listing;
mod publish;
mod reading;
mod store;
mod sweep;
mod uploads;

pub use store::FolderBlobStore;
