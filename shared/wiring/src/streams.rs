//! Connections whose changes come over streams that we hold open.

use std::sync::Arc;

use adapter_pubsub::{PubSubPorts, PubSubSettings, PubSubStream};
use adapter_salesforce::{SalesforceIntegration, SalesforceSettings};
use shared::platform::{OpenConnection, OpenError, PlatformIntegration as _, Surroundings};
use shared::ports::{ChangeStream, Ledger, MemoryLedger};

use crate::connection::ConnectionSettings;
use crate::error::WiringError;

impl ConnectionSettings {
    /// Opens the connection, and the stream of its changes when its settings ask for one. Both use one
    /// session; nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when the platform's client or the stream cannot be built on this machine.
    pub fn open_with_stream(
        &self,
        surroundings: &Surroundings,
    ) -> Result<(OpenConnection, Option<Arc<dyn ChangeStream>>), WiringError> {
        if self.platform.id() != SalesforceIntegration.id() {
            return Ok((self.open(surroundings)?, None));
        }
        self.open_salesforce(surroundings)
            .map(|(opened, stream)| (crate::metered::connection(opened), stream))
            .map_err(|error| WiringError::unusable(&self.name, error))
    }

    fn open_salesforce(
        &self,
        surroundings: &Surroundings,
    ) -> Result<(OpenConnection, Option<Arc<dyn ChangeStream>>), OpenError> {
        let settings = SalesforceSettings::from_json(&self.settings)?;
        let opened = SalesforceIntegration.open_with_sessions(&self.settings, surroundings)?;
        let (opened, sessions) = opened;
        let Some(events) = settings.events else { return Ok((opened, None)) };
        let settings = PubSubSettings {
            connection: settings.connection,
            topics: events.topics().cloned().collect(),
            no_event_after: events.no_event_after(),
            endpoint: events.endpoint,
        };
        let Surroundings { clock, random, ledger, tls, .. } = surroundings.clone();
        // Without a ledger, places last as long as the process.
        let ledger = ledger.unwrap_or_else(|| Arc::new(MemoryLedger::default()) as Arc<dyn Ledger>);
        let ports = PubSubPorts { sessions, ledger, clock, random };
        let connection = settings.connection.clone();
        let stream = PubSubStream::new(settings, ports, &tls)
            .map_err(|source| OpenError::Unusable { connection, source })?;
        Ok((opened, Some(Arc::new(stream))))
    }
}
