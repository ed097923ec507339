//! By which names this host may be asked for.
//!
//! A web page can point a name of its own at 127.0.0.1 and then read, as its own origin, what
//! listens here (DNS rebinding). Its requests carry that name in `Host`, so a host on loopback
//! answers only to names of this machine and those that the settings list.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use shared::text_setting;

use crate::problem::problem;

/// The name of a host without a port, such as `moodbridge.example`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

text_setting!(HostName, "host-name", ["moodbridge.example"]);

/// Why a text is not the name of a host.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is not the name of a host; write it without scheme, port or path, such as `moodbridge.example`"
)]
pub struct InvalidHostName {
    raw: String,
}

impl HostName {
    /// Reads a name; upper case is the same as lower case.
    ///
    /// # Errors
    ///
    /// [`InvalidHostName`] when it is empty or holds anything but letters, digits, dots and dashes.
    pub fn parse(raw: &str) -> Result<Self, InvalidHostName> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-');
        if raw.is_empty() || !raw.chars().all(is_plain) {
            return Err(InvalidHostName { raw: raw.to_owned() });
        }
        Ok(Self(raw.to_ascii_lowercase()))
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

impl TryFrom<String> for HostName {
    type Error = InvalidHostName;

    fn try_from(raw: String) -> Result<Self, InvalidHostName> {
        Self::parse(&raw)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lets `router` answer only to names of this machine and `further` ones, when it listens on
/// loopback; on any other address the network decides who can ask.
pub(super) fn guarded(router: Router, address: SocketAddr, further: Arc<[HostName]>) -> Router {
    if !address.ip().is_loopback() {
        return router;
    }
    router.layer(from_fn(move |request: Request, next: Next| {
        let further = Arc::clone(&further);
        async move {
            if is_ours(&request, &further) { next.run(request).await } else { misdirected() }
        }
    }))
}

/// A request without a name is let through: every browser sends one.
fn is_ours(request: &Request, further: &[HostName]) -> bool {
    let Some(named) = request.headers().get(header::HOST) else {
        return request.uri().host().is_none_or(|it| is_name_of_ours(it, further));
    };
    let authority = Authority::try_from(named.as_bytes());
    authority.is_ok_and(|it| is_name_of_ours(it.host(), further))
}

fn is_name_of_ours(name: &str, further: &[HostName]) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
        || further.iter().any(|it| it.0 == name)
}

fn misdirected() -> Response {
    let detail = "this address answers only to names of its machine: ask for `localhost`, or list \
                  the name in the allowed hosts";
    problem(StatusCode::MISDIRECTED_REQUEST, Some(detail), None).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_listed_ones_are_ours() {
        let further = [HostName::parse("Bridge.example").unwrap()];
        for ours in [
            "localhost",
            "LOCALHOST.",
            "app.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "bridge.example",
        ] {
            assert!(is_name_of_ours(ours, &further), "{ours}");
        }
        for foreign in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "10.0.0.1",
            "sub.bridge.example",
            "",
        ] {
            assert!(!is_name_of_ours(foreign, &further), "{foreign}");
        }
    }

    #[test]
    fn name_has_no_scheme_port_or_path() {
        for bad in ["", "https://a.example", "a.example:8080", "a.example/x", "*"] {
            let message = HostName::parse(bad).unwrap_err().to_string();
            assert!(message.contains("without scheme, port or path"), "{message}");
        }
    }
}
