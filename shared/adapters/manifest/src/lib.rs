//! Connector manifests: platforms declared in YAML and run without a rebuild.
//!
//! A manifest says where a REST platform is, how to sign in, how its lists are paged, which of its
//! fields are which of our columns, and what its errors mean. [`load()`] checks it and reports every
//! fault with its line; [`ManifestIntegration`] makes a platform of it that the same poller and the
//! same worker run as the compiled ones. The format is described in `docs/guides/new-integration.md`.

mod allowance;
mod builtin;
mod crm;
mod error_map;
mod fault;
mod grammar;
mod integration;
mod load;
mod manifest;
mod paging;
mod placeholder;
mod record;
mod rules;
mod settings;
mod shape;
mod sign_in;
mod tree;

pub use builtin::BUILT_IN;
pub use crm::ManifestCrm;
pub use fault::{InvalidManifests, ManifestFault};
pub use integration::{ManifestIntegration, UnusableManifest};
pub use load::{load, schema};
pub use manifest::Manifest;
