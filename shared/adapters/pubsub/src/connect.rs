//! The connection that all calls share: HTTP/2, encrypted but to this machine.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls_platform_verifier::Verifier;
use shared::platform::OutboundTls;
use shared::{PortError, PortErrorKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use url::{Host, Url};

use crate::fault::{Fault, PLATFORM};

/// The longest wait for a connection, its encryption included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection and the task that drives it; it ends with this value.
pub(crate) struct Connection {
    pub(crate) requests: SendRequest<Body>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens connections to one endpoint.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    origin: Uri,
}

/// An endpoint that credentials must not be sent to.
#[derive(Debug, thiserror::Error)]
#[error("it is called without encryption, which is allowed to this machine only: write `https:`")]
struct Unencrypted;

/// An endpoint that is no address of a service.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is not the address of a service: write such as `https://api.pubsub.salesforce.com:7443`"
)]
struct NoService;

impl Dialer {
    /// Makes one for `endpoint`.
    ///
    /// # Errors
    ///
    /// `Rejected` when the endpoint is called without encryption and is not this machine, or when
    /// the root certificates cannot be used.
    pub(crate) fn new(endpoint: &Url, tls: &OutboundTls) -> Result<Self, PortError> {
        let rejected =
            || PortError::new(PortErrorKind::Rejected, PLATFORM, "open events", endpoint.as_str());
        let (Some(host), Some(port)) = (endpoint.host(), endpoint.port_or_known_default()) else {
            return Err(rejected().with_source(NoService));
        };
        let name = match &host {
            Host::Domain(name) => (*name).to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let tls = match endpoint.scheme() {
            "https" => {
                let config = client_config(&name, tls).map_err(|it| rejected().with_source(it))?;
                let server = ServerName::try_from(name.clone());
                let server = server.map_err(|error| rejected().with_source(error))?;
                Some((TlsConnector::from(Arc::new(config)), server))
            }
            "http" if is_this_machine(&host) => None,
            "http" => return Err(rejected().with_source(Unencrypted)),
            _ => return Err(rejected().with_source(NoService)),
        };
        let origin = format!("{}://{host}:{port}", endpoint.scheme()).parse();
        let origin =
            origin.map_err(|error: http::uri::InvalidUri| rejected().with_source(error))?;
        Ok(Self { host: name, port, tls, origin })
    }

    /// Returns scheme, host and port, which stand in each request.
    pub(crate) fn origin(&self) -> &Uri {
        &self.origin
    }

    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// [`Fault`] when the service cannot be reached or proves to be somebody else.
    pub(crate) async fn connect(&self) -> Result<Connection, Fault> {
        match timeout(CONNECT_TIMEOUT, self.dial()).await {
            Ok(connected) => connected,
            Err(_) => {
                let n_seconds = CONNECT_TIMEOUT.as_secs();
                let what = format!("`{}` did not answer within {n_seconds} s", self.host);
                Err(Fault::silent("unreachable", what))
            }
        }
    }

    async fn dial(&self) -> Result<Connection, Fault> {
        let unreachable = |error: std::io::Error| {
            Fault::broken("unreachable", format!("`{}` cannot be reached", self.host), error)
        };
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            Some((connector, server)) => {
                let stream = connector.connect(server.clone(), stream).await;
                let stream = stream.map_err(|error| {
                    let what = format!("`{}` did not prove who it is", self.host);
                    Fault::broken("unreachable", what, error)
                })?;
                handshake(stream).await
            }
            None => handshake(stream).await,
        }
    }
}

/// Credentials leave this machine encrypted; within it there is nobody to hide them from.
fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Trusts what the machine trusts, and the roots of the settings; older TLS only where they say so.
fn client_config(host: &str, tls: &OutboundTls) -> Result<rustls::ClientConfig, BoxError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = Vec::new();
    for pem in &tls.extra_roots {
        for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.push(root?);
        }
    }
    let verifier = Verifier::new_with_extra_roots(roots, provider.clone())?;
    let may_be_older = tls.allow_tls12.iter().any(|it| it.eq_ignore_ascii_case(host));
    let versions: &[_] = if may_be_older { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// No pings are sent: servers of gRPC end connections that ping more often than every five minutes,
/// and a stream that falls silent is noticed by what it does not bring.
async fn handshake<S>(stream: S) -> Result<Connection, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| {
        Fault::broken("unreachable", "the service does not speak HTTP/2", error)
    };
    let (requests, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .handshake::<_, Body>(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "the connection of the event streams ended");
        }
    });
    Ok(Connection { requests, task })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialer(endpoint: &str) -> Result<Dialer, String> {
        Dialer::new(&endpoint.parse().unwrap(), &OutboundTls::default())
            .map_err(|error| shared::chain(&error).to_string())
    }

    #[test]
    fn plain_connections_are_for_this_machine_only() {
        for endpoint in ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9"] {
            assert_eq!(dialer(endpoint).unwrap().origin().to_string(), format!("{endpoint}/"));
        }
        for endpoint in ["http://api.pubsub.salesforce.com:7443", "http://127.0.0.1.example:9"] {
            let error = dialer(endpoint).err().unwrap();
            assert!(error.contains("write `https:`"), "{error}");
        }
        assert!(dialer("ftp://127.0.0.1").err().unwrap().contains("not the address of a service"));
    }

    #[test]
    fn roots_of_the_settings_must_be_certificates() {
        let tls = OutboundTls {
            extra_roots: vec!["-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".into()],
            ..OutboundTls::default()
        };
        assert!(client_config("api.pubsub.salesforce.com", &tls).is_err());
    }
}
