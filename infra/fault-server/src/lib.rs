//! A server on loopback that fails as it is told, for the tests of everything that calls out.
//!
//! A [`Script`] says how each request is met: with an answer, or with a fault such as a reset in the
//! middle of the body. The same script gives the same faults every time, and the server keeps what
//! it [`received`](FaultServer::received).
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use fault_server::{Answer, FaultServer, Script, Step};
//!
//! // Two storms, one hang, then health.
//! let script = Script::of([Step::status(503), Step::status(503), Step::Hang])
//!     .then(Answer::json(r#"{"ok": true}"#));
//! let server = FaultServer::start(script).await?;
//! let url = server.url("/v1/cases");
//! // … call it …
//! assert_eq!(server.n_received(), 0);
//! # Ok(())
//! # }
//! ```

mod answer;
mod converse;
mod received;
mod script;
mod server;
mod tls;

pub use answer::Answer;
pub use received::Received;
pub use script::{Script, Step};
pub use server::{FaultServer, RefusingServer};
pub use tls::{Authority, Certified, TlsVersion};
