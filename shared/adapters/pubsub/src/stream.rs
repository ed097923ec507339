//! The event streams of one connection.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use shared::ids::ConnectionId;
use shared::platform::OutboundTls;
use shared::ports::{
    ChangeSink, ChangeStream, Clock, Extent, Ledger, Random, RemoteSessions, StreamHealth,
};
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::connect::Dialer;
use crate::fault::PLATFORM;
use crate::follow::Follower;
use crate::open_stream::MAX_OPEN;
use crate::pace::{Pace, Waits};
use crate::parts::Parts;
use crate::schemas::Schemas;
use crate::settings::PubSubSettings;
use crate::topic::Topic;
use crate::wire::{Network, Wire};

/// Where the service is for orgs anywhere. Source: Pub/Sub API guide, "Pub/Sub API Endpoints".
const ENDPOINT: &str = "https://api.pubsub.salesforce.com:7443";

/// What a subscriber works with.
#[derive(Clone)]
pub struct PubSubPorts {
    /// The session of the connection.
    pub sessions: Arc<dyn RemoteSessions>,
    /// Where places are kept, under `replay/{connection}{topic}`.
    pub ledger: Arc<dyn Ledger>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Jitter, and names of events.
    pub random: Arc<dyn Random>,
}

/// Follows the topics of one Salesforce connection over the Pub/Sub API.
pub struct PubSubStream {
    parts: Parts,
    topics: Vec<Topic>,
}

impl PubSubStream {
    /// Prepares to follow the topics of `settings`; nothing is called yet.
    ///
    /// # Errors
    ///
    /// `Rejected` when the endpoint cannot be called: it is not encrypted and not this machine, or
    /// the root certificates of `tls` cannot be used.
    pub fn new(
        settings: PubSubSettings,
        ports: PubSubPorts,
        tls: &OutboundTls,
    ) -> Result<Self, PortError> {
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(ENDPOINT).map_err(|error| {
                PortError::new(PortErrorKind::Rejected, PLATFORM, "open events", ENDPOINT)
                    .with_source(error)
            })?,
        };
        let network = Network::new(Dialer::new(&endpoint, tls)?);
        Ok(Self::over(Box::new(network), settings, ports))
    }

    pub(crate) fn over(wire: Box<dyn Wire>, settings: PubSubSettings, ports: PubSubPorts) -> Self {
        let PubSubSettings { connection, topics, no_event_after, .. } = settings;
        let PubSubPorts { sessions, ledger, clock, random } = ports;
        let now = clock.now();
        let topics = topics.into_iter().map(|name| Topic::new(name, no_event_after, now)).collect();
        let schemas = Schemas::default();
        let parts = Parts { connection, wire, sessions, ledger, clock, random, schemas };
        Self { parts, topics }
    }
}

#[async_trait]
impl ChangeStream for PubSubStream {
    fn connection(&self) -> &ConnectionId {
        &self.parts.connection
    }

    async fn follow(&self, sink: &dyn ChangeSink, extent: Extent) -> Result<(), PortError> {
        let pace = Pace::of(extent);
        let follow = |topic| {
            let (waits, max_open) = (Waits::default(), MAX_OPEN);
            Follower { parts: &self.parts, topic, sink, pace, waits, max_open }.follow()
        };
        let ended = join_all(self.topics.iter().map(follow)).await;
        ended.into_iter().collect()
    }

    fn health(&self) -> Vec<StreamHealth> {
        self.topics.iter().map(Topic::health).collect()
    }
}
