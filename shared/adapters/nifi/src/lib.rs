//! NiFi 2: flow files are sent into it, and its flows are started, stopped and watched.
//!
//! Flow files go in by site-to-site transactions over HTTP, or by the processor `ListenHTTP`; flows are
//! operated by the REST API. `docs/nifi.md` says what is sent and what each refusal means.

mod answer;
mod client;
mod dataflow;
mod encode;
mod fault;
mod listen;
mod packet;
mod settings;
mod sign_in;
mod site_to_site;
mod transaction;

pub use dataflow::NifiDataflow;
pub use fault::NifiFault;
pub use listen::ListenSink;
pub use settings::{ListenSettings, NifiAuth, NifiSettings};
pub use site_to_site::SiteToSiteSink;

/// The platform's name in errors, logs and metrics.
pub(crate) const PLATFORM: &str = "nifi";
