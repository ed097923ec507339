//! Flow files by site-to-site over HTTP: to the node that has the least to do, in transactions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapter_http::HttpClient;
use async_trait::async_trait;
use http::Method;
use shared::ids::CorrelationId;
use shared::platform::{OpenError, Surroundings};
use shared::ports::flow_files::{FlowFileSink, FlowFileSource, Receipt};
use shared::ports::{Clock, Secrets};
use shared::{PortError, PortErrorKind, chain};
use tracing::warn;
use url::Url;

use crate::PLATFORM;
use crate::answer::{InputPort, Peer, Peers, Site};
use crate::client::{NifiClient, http_within};
use crate::encode::Batch;
use crate::packet::Format;
use crate::settings::NifiSettings;
use crate::transaction::{Ended, Transaction};

/// How often a batch is sent whose bytes arrive changed.
const MAX_ATTEMPTS: u32 = 3;

/// How long a flow is given that has as much as it can work on.
const PAUSE: Duration = Duration::from_secs(10);

/// How many ports are named to somebody who looks for another.
const N_NAMED: usize = 10;

/// An input port that cannot be found.
#[derive(Debug, thiserror::Error)]
enum NoPort {
    #[error("no input port is set: write `port=NAME` into the address")]
    Unset,
    #[error(
        "there is no input port `{wanted}` that this user may send to; those are {named}. A port must accept remote \
         connections, and its policy `receive data via site-to-site` must name the user"
    )]
    Unknown { wanted: String, named: String },
}

/// The input port of one NiFi.
#[derive(Clone)]
pub struct SiteToSiteSink {
    inner: Arc<Inner>,
}

struct Inner {
    site: NifiClient,
    settings: NifiSettings,
    /// The id of the port, once it is known.
    port: Mutex<Option<String>>,
    /// A client for each node, with a token of its own.
    nodes: Mutex<BTreeMap<Url, Arc<NifiClient>>>,
}

impl SiteToSiteSink {
    /// Sends to the port of `settings` through `http`; nothing is called yet.
    pub fn new(
        settings: NifiSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (base_url, auth) = (settings.base_url.clone(), settings.auth.clone());
        let site = NifiClient::new(base_url, auth, http, secrets, clock);
        let (port, nodes) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { site, settings, port, nodes }) }
    }

    /// Opens the connection that `settings` describe, as its surroundings say. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when this machine's TLS set-up is not usable.
    pub fn open(settings: NifiSettings, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let http = http_within(&settings.connection, surroundings)?;
        let Surroundings { secrets, clock, .. } = surroundings.clone();
        Ok(Self::new(settings, http, secrets, clock))
    }
}

impl Inner {
    /// Returns the id of the port, which is asked for once.
    async fn port(&self) -> Result<String, PortError> {
        if let Some(id) = &*lock(&self.port) {
            return Ok(id.clone());
        }
        let request = self.site.request("find port", Method::GET, &["site-to-site"])?;
        let Site { controller } = self.site.read(request).await?;
        let missing = |why| {
            let subject = self.settings.port.clone().unwrap_or_default();
            PortError::new(PortErrorKind::NotFound, PLATFORM, "find port", subject).with_source(why)
        };
        let wanted = self.settings.port.as_deref().ok_or_else(|| missing(NoPort::Unset))?;
        let is_it = |it: &&InputPort| it.id == wanted || it.name == wanted;
        let Some(found) = controller.input_ports.iter().find(is_it) else {
            let named = controller.input_ports.iter().take(N_NAMED).map(|it| it.name.as_str());
            let named = named.collect::<Vec<_>>().join(", ");
            let named = if named.is_empty() { "none".to_owned() } else { named };
            return Err(missing(NoPort::Unknown { wanted: wanted.to_owned(), named }));
        };
        *lock(&self.port) = Some(found.id.clone());
        Ok(found.id.clone())
    }

    /// Returns the nodes of the cluster, those with the least to do first.
    async fn nodes(&self) -> Result<Vec<Arc<NifiClient>>, PortError> {
        let request = self.site.request("find peers", Method::GET, &["site-to-site", "peers"])?;
        let Peers { mut peers } = self.site.read(request).await?;
        peers.sort_by_key(|it| it.flow_file_count);
        let places = peers.iter().filter_map(|it| self.place_of(it));
        let mut places: Vec<_> = places.collect();
        if places.is_empty() {
            places.push(self.site.base_url.clone());
        }
        let mut nodes = lock(&self.nodes);
        // A token of a node that left the cluster is of no use.
        nodes.retain(|place, _| places.contains(place));
        let node = |place: Url| {
            let made = || Arc::new(self.site.beside(place.clone()));
            nodes.entry(place.clone()).or_insert_with(made).clone()
        };
        Ok(places.into_iter().map(node).collect())
    }

    /// Returns where `peer` is called; `None` for one that is not as well encrypted as the address that
    /// was given, for the password goes there.
    fn place_of(&self, peer: &Peer) -> Option<Url> {
        let base = &self.site.base_url;
        if base.scheme() == "https" && !peer.secure {
            warn!("a node of NiFi takes site-to-site without encryption, and is left out");
            return None;
        }
        let mut place = base.clone();
        place.set_scheme(if peer.secure { "https" } else { "http" }).ok()?;
        place.set_host(Some(&peer.hostname)).ok()?;
        place.set_port(Some(peer.port)).ok()?;
        Some(place)
    }

    /// Opens a transaction at the first node that takes one, and sends `batch`.
    async fn attempt(
        &self,
        batch: &Batch,
        correlation: &CorrelationId,
    ) -> Result<Ended, PortError> {
        let port = self.port().await?;
        let mut last = None;
        for node in self.nodes().await? {
            match Transaction::open(&node, &port, correlation).await {
                Ok(transaction) => return transaction.run(batch).await,
                // Another node may run, or have room.
                Err(error) if is_about_node(&error) => {
                    warn!(error = %chain(&error), "a node of NiFi takes no flow files");
                    last = Some(error);
                }
                Err(error) => {
                    if error.kind() == PortErrorKind::NotFound {
                        // A port that was made anew has another id.
                        *lock(&self.port) = None;
                    }
                    return Err(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| failed(PortErrorKind::Unavailable, "there is no node")))
    }
}

fn is_about_node(error: &PortError) -> bool {
    matches!(error.kind(), PortErrorKind::Unavailable | PortErrorKind::RateLimited)
}

fn failed(kind: PortErrorKind, why: &'static str) -> PortError {
    PortError::new(kind, PLATFORM, "send flow files", "batch").with_source(why)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl FlowFileSink for SiteToSiteSink {
    async fn send(
        &self,
        source: Arc<dyn FlowFileSource>,
        correlation: &CorrelationId,
    ) -> Result<Receipt, PortError> {
        let Some(batch) = Batch::open(source, Format::Packet, correlation).await? else {
            return Ok(Receipt { n_files: 0, n_bytes: 0, pause: None });
        };
        for _ in 0..MAX_ATTEMPTS {
            match self.inner.attempt(&batch, correlation).await {
                Ok(Ended::Taken { is_full }) => {
                    let tally = batch.tally();
                    let pause = is_full.then_some(PAUSE);
                    return Ok(Receipt { n_files: tally.n_files, n_bytes: tally.n_bytes, pause });
                }
                Ok(Ended::BadChecksum) => {}
                Err(error) if error.kind() == PortErrorKind::RateLimited => {
                    let wait = error.retry_after().unwrap_or(PAUSE);
                    return Err(error.with_retry_after(wait));
                }
                Err(error) => return Err(error),
            }
        }
        let why = "the flow files arrived with another checksum each time: something in between changes them";
        Err(failed(PortErrorKind::Unavailable, why))
    }
}

impl fmt::Debug for SiteToSiteSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteToSiteSink")
            .field("connection", &self.inner.settings.connection)
            .finish_non_exhaustive()
    }
}
