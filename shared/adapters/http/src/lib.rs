//! The one HTTP client of every platform adapter.
//!
//! It owns what every call to a platform needs and no adapter should write twice: deadlines that
//! cannot hang, retries under a budget, `Retry-After`, breakers and quotas shared by all processes, a
//! pace, bounded concurrency, hedged reads, TLS 1.3, a cap on answers, metrics, and errors that never
//! show a URL's query, a header or a body. `docs/resilience.md` lists each limit.

mod attempt;
mod body;
mod bulkhead;
mod call;
mod client;
mod fault;
mod guards;
mod latency;
pub mod oauth;
mod observe;
mod pace;
mod request;
mod response;
mod retry_budget;
mod settings;
mod status;
mod transport;
mod webhook;

pub use body::{BodyChunks, BodySource};
pub use client::HttpClient;
pub use fault::HttpFault;
pub use request::Request;
pub use response::{BodyStream, Response};
pub use settings::{HedgeSettings, HttpSettings, Pace, PlainHttp, TlsSettings};
pub use status::kind_of_status;
pub use webhook::SignedWebhook;
