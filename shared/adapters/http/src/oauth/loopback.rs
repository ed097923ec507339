//! Waits for the browser to come back to this machine. Source: RFC 8252, section 7.3.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use shared::secret::Secret;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

use super::fault::OAuthRefusal;

/// The longest request read, in bytes: a code and a state fit ten times.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// How long one browser connection may take to send its request.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Why no code came back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoopbackFault {
    /// The port is taken.
    #[error("port {port} of this machine is taken: end what listens there, or choose another")]
    PortTaken {
        /// The port.
        port: u16,
        /// Why it cannot be had.
        source: io::Error,
    },
    /// Nothing can be heard any more.
    #[error("the browser cannot be heard")]
    Broken(#[source] io::Error),
    /// The redirect cannot be written as an address.
    #[error("`{path}` is not the path of a redirect")]
    Malformed {
        /// The path.
        path: String,
    },
    /// Nobody came back in time.
    #[error("nobody came back from the browser within {} s", within.as_secs())]
    TimedOut {
        /// How long was waited.
        within: Duration,
    },
    /// The server sent the person back with a refusal.
    #[error("no permission was given")]
    Refused(#[source] OAuthRefusal),
}

/// Listens on loopback for one answer.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    redirect: Url,
}

/// What one request turned out to be.
enum Visit {
    /// Something else: an icon, a page of another origin, an old tab.
    Other,
    Code(Secret),
    Refused(OAuthRefusal),
}

impl Loopback {
    /// Listens on `port`, or on a free one when it is 0; the redirect is `http://HOST:PORT/PATH`.
    /// A server that compares redirects letter by letter wants a fixed port and host.
    ///
    /// # Errors
    ///
    /// [`LoopbackFault`] when the port is taken or the address is malformed.
    pub async fn listen(host: &str, port: u16, path: &str) -> Result<Self, LoopbackFault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|source| LoopbackFault::PortTaken { port, source })?;
        let port = listener.local_addr().map_err(LoopbackFault::Broken)?.port();
        let redirect =
            Url::parse(&format!("http://{host}:{port}/{}", path.trim_start_matches('/')))
                .map_err(|_| LoopbackFault::Malformed { path: path.to_owned() })?;
        Ok(Self { listener, redirect })
    }

    /// Returns the address that the browser is sent back to.
    pub fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// Waits for the answer that carries `state`, tells the person to go back to the terminal,
    /// and listens no more. Answers with another state are turned away.
    ///
    /// # Errors
    ///
    /// [`LoopbackFault`] when the person refused or did not come back `within` the time.
    pub async fn code(self, state: &Secret, within: Duration) -> Result<Secret, LoopbackFault> {
        match timeout(within, self.wait(state)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(LoopbackFault::TimedOut { within }),
        }
    }

    async fn wait(&self, state: &Secret) -> Result<Secret, LoopbackFault> {
        loop {
            let (mut connection, _) =
                self.listener.accept().await.map_err(LoopbackFault::Broken)?;
            let Ok(Ok(target)) = timeout(READ_WITHIN, read_target(&mut connection)).await else {
                continue;
            };
            let visit = self.judge(&target, state);
            let page = match &visit {
                Visit::Other => page(404, "This is not the page you are looking for."),
                Visit::Code(_) => page(200, "Done. Close this tab and go back to the terminal."),
                Visit::Refused(_) => {
                    page(200, "No permission was given. The terminal says what to do.")
                }
            };
            // The answer counts even where the browser does not wait for its page.
            let _ = connection.write_all(page.as_bytes()).await;
            let _ = connection.shutdown().await;
            match visit {
                Visit::Other => {}
                Visit::Code(code) => return Ok(code),
                Visit::Refused(refusal) => return Err(LoopbackFault::Refused(refusal)),
            }
        }
    }

    fn judge(&self, target: &str, state: &Secret) -> Visit {
        let Ok(url) = self.redirect.join(target) else { return Visit::Other };
        let find = |name: &str| {
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let is_ours = url.path() == self.redirect.path()
            && url.host_str() == self.redirect.host_str()
            && find("state")
                .is_some_and(|it| bool::from(it.as_bytes().ct_eq(state.expose().as_bytes())));
        match (find("code"), find("error")) {
            _ if !is_ours => Visit::Other,
            (_, Some(error)) => {
                let description = find("error_description");
                Visit::Refused(OAuthRefusal::new(&error, description.as_deref()))
            }
            (Some(code), None) => Visit::Code(Secret::new(code)),
            (None, None) => Visit::Other,
        }
    }
}

/// Reads the target of a `GET`.
async fn read_target(connection: &mut TcpStream) -> io::Result<String> {
    let mut request = Vec::new();
    let mut chunk = [0_u8; 2048];
    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
        let n = connection.read(&mut chunk).await?;
        if n == 0 || request.len() + n > MAX_REQUEST_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        request.extend_from_slice(chunk.get(..n).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some(target)) if target.starts_with('/') => Ok(target.to_owned()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A page without scripts, that no cache keeps and that names no page before it.
fn page(status: u16, text: &str) -> String {
    let reason = if status == 200 { "OK" } else { "Not Found" };
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>MoodBridge</title>\
         <body style=\"font: 1.2em system-ui; margin: 3em\"><h1>MoodBridge</h1><p>{text}</p></body></html>"
    );
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}
