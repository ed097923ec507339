//! Secrets in sealed files: envelope encryption with AES-256-GCM.
//!
//! Each secret is sealed by a data key of its own, and that data key is sealed by the key of the
//! folder. To rotate the key of the folder, only the data keys are sealed anew.

mod atomic;
mod envelope;
mod error;
mod folder;
mod key_place;
mod keys;

pub use error::SealError;
pub use folder::{Rotation, SealedFolder, SealedSecret};
pub use key_place::{InvalidKeyPlace, KeyPlace};
