//! The one HTTP client of every platform adapter.
//!
//! It owns what every call to a platform needs and no adapter should write twice: deadlines that
//! cannot hang, retries under a budget, `Retry-After`, a breaker, a pace, a cap on answers, metrics,
//! and errors that never show a URL's query, a header or a body.

mod breaker;
mod client;
mod fault;
mod guards;
pub mod oauth;
mod pace;
mod request;
mod response;
mod retry_budget;
mod settings;
mod status;

pub use client::HttpClient;
pub use fault::HttpFault;
pub use request::Request;
pub use response::{BodyStream, Response};
pub use settings::{BreakerSettings, HttpSettings, Pace, PlainHttp};
pub use status::kind_of_status;
