//! What carries requests: over TLS 1.3, and over TLS 1.2 only to hosts that the settings name.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;

use http::HeaderName;
use rustls::{AlertDescription, PeerIncompatible};
use shared::telemetry::trace;
use shared::{PortError, PortErrorKind};

use crate::fault::HttpFault;
use crate::request::Request;
use crate::settings::HttpSettings;

pub(crate) type Sending<'a> =
    Pin<Box<dyn Future<Output = Result<reqwest::Response, HttpFault>> + Send + 'a>>;

/// Sends a request and returns the head of its answer.
pub(crate) trait Transport: Send + Sync {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a>;
}

/// The network.
pub(crate) struct Network {
    strict: reqwest::Client,
    older: Option<Older>,
}

/// For the hosts that speak no TLS 1.3.
struct Older {
    client: reqwest::Client,
    hosts: Vec<String>,
}

impl Network {
    /// Builds the clients. They keep no cookies and follow no redirects.
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, PortError> {
        let hosts = &settings.tls.allow_tls12;
        let older = match hosts.is_empty() {
            true => None,
            false => Some(Older {
                client: client(settings, reqwest::tls::Version::TLS_1_2)?,
                hosts: hosts.iter().map(|it| it.to_ascii_lowercase()).collect(),
            }),
        };
        Ok(Self { strict: client(settings, reqwest::tls::Version::TLS_1_3)?, older })
    }
}

/// A text of extra roots without one.
#[derive(Debug, thiserror::Error)]
#[error("it holds no certificate: write PEM, from `-----BEGIN CERTIFICATE-----` on")]
struct NoCertificate;

fn client(
    settings: &HttpSettings,
    oldest: reqwest::tls::Version,
) -> Result<reqwest::Client, PortError> {
    let rejected =
        |subject| PortError::new(PortErrorKind::Rejected, "http", "build client", subject);
    let unusable = |subject, error: reqwest::Error| rejected(subject).with_source(error);
    let mut roots = Vec::new();
    for pem in &settings.tls.extra_roots {
        let read = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| unusable("extra root certificates", error))?;
        if read.is_empty() {
            return Err(rejected("extra root certificates").with_source(NoCertificate));
        }
        roots.extend(read);
    }
    reqwest::Client::builder()
        .connect_timeout(settings.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .gzip(true)
        .tcp_nodelay(true)
        .tls_version_min(oldest)
        .tls_certs_merge(roots)
        .user_agent(concat!("moodbridge/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| unusable("tls", error))
}

impl Transport for Network {
    fn send<'a>(&'a self, request: &'a Request) -> Sending<'a> {
        let host = request.url.host_str().unwrap_or_default();
        let client = match &self.older {
            Some(older) if older.hosts.iter().any(|it| it == host) => &older.client,
            _ => &self.strict,
        };
        let mut headers = request.headers.clone();
        if let Some(parent) = trace::current_for(host).and_then(|it| it.try_into().ok()) {
            headers.insert(HeaderName::from_static("traceparent"), parent);
        }
        let sent = client
            .request(request.method.clone(), request.url.clone())
            .headers(headers)
            .body(request.body.open())
            .send();
        Box::pin(async move {
            sent.await.map_err(|error| match request.body.take_broken() {
                Some(source) => HttpFault::BodyNotMade { source: Box::new(source) },
                None if is_about_old_tls(&error) => HttpFault::OldTls { host: host.to_owned() },
                None => fault_of(error),
            })
        })
    }
}

/// Wraps what the client reports, without the URL: its query may hold a secret or a person.
pub(crate) fn fault_of(error: reqwest::Error) -> HttpFault {
    if error.is_builder() {
        return HttpFault::Invalid { source: error.without_url().into() };
    }
    let is_unsent = error.is_connect();
    HttpFault::Connection { is_unsent, source: error.without_url().into() }
}

/// Tells whether the connection failed because the host speaks no TLS that is new enough.
fn is_about_old_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(
                tls,
                rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
                    | rustls::Error::PeerIncompatible(
                        PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                            | PeerIncompatible::ServerDoesNotSupportTls12Or13
                            | PeerIncompatible::SupportedVersionsExtensionRequired
                    )
            );
        }
        // An `io::Error` hides what it wraps from `source`.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
