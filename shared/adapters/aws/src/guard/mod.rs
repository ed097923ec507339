//! What watches over every call to AWS: its time, a breaker, a metric, and what it is billed as.
//!
//! It stands where the SDK hands a request to the network, so every attempt of every client of an
//! [`Account`](crate::Account) passes it, and no client knows of it. Retries, and how many there may be,
//! stay with the SDK: its quota of retries is shared by all clients of a service.

mod attempt;
mod book;
mod client;
mod name;
mod pause;

pub use book::CallGuard;
pub(crate) use client::guarded;
pub(crate) use pause::Pause;
