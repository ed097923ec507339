//! What a platform is to us: how it introduces itself, checks its settings, and is opened.
//!
//! A platform is a compiled adapter or a connector manifest; nothing above this module can tell
//! the two apart.

mod description;
mod examine;
mod health;
mod name;
mod outbound;

#[cfg(any(test, feature = "testkit"))]
pub mod conformance;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::config::ConfigError;
use crate::error::PortError;
use crate::ids::ConnectionId;
use crate::ports::{
    BulkReader, BulkWriter, CallObserver, Clock, Crm, CrmWriter, Ledger, Random, SchemaReader,
    SecretWriter, Secrets,
};
use crate::sync::Mappings;
use crate::time::Timestamp;

pub use description::{
    Capability, FieldDescription, FieldType, PlatformDescription, PlatformSource, StreamDescription,
};
pub use examine::examine;
pub use health::{Aspect, Finding, HealthReport, Verdict};
pub use name::{InvalidPlatformId, intern};
pub use outbound::{OutboundSettings, OutboundTls};

/// What an integration is given to work with.
#[derive(Clone)]
pub struct Surroundings {
    /// Where the secrets that settings address are read.
    pub secrets: Arc<dyn Secrets>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Jitter and nonces.
    pub random: Arc<dyn Random>,
    /// Where secrets that change by themselves are kept, such as refresh tokens; `None` where
    /// nothing can be written.
    pub writer: Option<Arc<dyn SecretWriter>>,
    /// Where breakers and quotas are shared with other processes; `None` where this one is alone.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// Who is told of every call; `None` where nobody counts.
    pub observer: Option<Arc<dyn CallObserver>>,
    /// How calls are encrypted.
    pub tls: OutboundTls,
}

impl Surroundings {
    /// Gives what every integration needs, and nothing that is shared or kept.
    pub fn new(secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let tls = OutboundTls::default();
        Self { secrets, clock, random, writer: None, ledger: None, observer: None, tls }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// A connection that can be used.
#[derive(Clone)]
pub struct OpenConnection {
    /// Its name.
    pub connection: ConnectionId,
    /// How to read it.
    pub crm: Arc<dyn Crm>,
    /// How to write to it; `None` where it takes no changes.
    pub writer: Option<Arc<dyn CrmWriter>>,
    /// How to write very many records; `None` where there are no jobs.
    pub bulk_writer: Option<Arc<dyn BulkWriter>>,
    /// How to read whole objects; `None` where there are no jobs.
    pub bulk_reader: Option<Arc<dyn BulkReader>>,
    /// How to ask what objects look like; `None` where that is not told.
    pub schema: Option<Arc<dyn SchemaReader>>,
    /// Which of its objects and fields are ours.
    pub mappings: Mappings,
}

impl OpenConnection {
    /// Stands for a connection that is only read, page by page.
    pub fn reading(connection: ConnectionId, crm: Arc<dyn Crm>, mappings: Mappings) -> Self {
        Self {
            connection,
            crm,
            writer: None,
            bulk_writer: None,
            bulk_reader: None,
            schema: None,
            mappings,
        }
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection")
            .field("connection", &self.connection)
            .field("platform", &self.mappings.platform())
            .finish_non_exhaustive()
    }
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The platform's client cannot be built on this machine.
    #[error("connection `{connection}` cannot be opened")]
    Unusable {
        /// The connection.
        connection: ConnectionId,
        /// Why not.
        source: PortError,
    },
}

/// One platform that records can be kept in step with.
///
/// # Contract
///
/// - `id` never changes and is a name of lower-case letters, digits and dashes.
/// - `validate` reports **every** fault at once. Each names its setting and the fix, settings that
///   the platform does not know are faults, and no value of a secret is repeated.
/// - `open` takes exactly the settings that `validate` finds no fault in, and calls nobody.
/// - `health` never fails: what goes wrong is a finding. There is one of every [`Aspect`], save
///   that `Permitted` may have one a stream; a bad one says what to do.
/// - `describe` lists every stream that `open`'s mappings name, and may list more.
#[async_trait]
pub trait PlatformIntegration: Send + Sync {
    /// Returns the name that settings call it by, such as `salesforce`.
    fn id(&self) -> &'static str;

    /// Returns its name for people.
    fn title(&self) -> &str;

    /// Tells whether it is compiled in or declared.
    fn source(&self) -> PlatformSource;

    /// Returns the JSON Schema of one connection's settings, without `platform`.
    fn settings_schema(&self) -> Value;

    /// Lists what it can do.
    fn capabilities(&self) -> BTreeSet<Capability>;

    /// Lists every fault of `settings`; none when they can be used.
    fn validate(&self, settings: &Value) -> Vec<String>;

    /// Lists the streams it knows without asking the platform.
    fn describe(&self) -> Vec<StreamDescription>;

    /// Opens the connection that `settings` describe; nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] with every fault of the settings, or when the client cannot be built.
    fn open(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
    ) -> Result<OpenConnection, OpenError>;

    /// Checks the connection that `settings` describe, each aspect by itself.
    async fn health(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
        last_success_at: Option<Timestamp>,
    ) -> HealthReport;
}

/// Collects what `integration` says about itself, for the command line and the API.
pub fn description_of(integration: &dyn PlatformIntegration) -> PlatformDescription {
    PlatformDescription {
        id: integration.id().to_owned(),
        title: integration.title().to_owned(),
        source: integration.source(),
        capabilities: integration.capabilities(),
        streams: integration.describe(),
        settings_schema: integration.settings_schema(),
    }
}
