//! A manifest as a platform.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings, Pace};
use async_trait::async_trait;
use serde_json::Value;
use shared::config::parse_duration;
use shared::ids::{InvalidId, ObjectName};
use shared::platform::{
    Aspect, Capability, FieldDescription, FieldType, Finding, HealthReport, InvalidPlatformId,
    OpenConnection, OpenError, PlatformIntegration, PlatformSource, StreamDescription,
    Surroundings, examine, intern,
};
use shared::sync::{FieldKind as Kind, FieldMapping, Mappings, ObjectMapping};
use shared::time::Timestamp;
use shared::worker::breaker::BreakerBoard;
use shared::{PortError, PortErrorKind};

use crate::crm::ManifestCrm;
use crate::manifest::{FieldKind, FieldRule, Manifest, RateLimit};
use crate::settings::{ConnectionSettings, schema};

/// A platform that a manifest declares.
#[derive(Clone, Debug)]
pub struct ManifestIntegration {
    id: &'static str,
    source: PlatformSource,
    manifest: Arc<Manifest>,
    streams: Vec<StreamDescription>,
    mappings: Mappings,
}

/// A manifest that passed its checks and yet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableManifest {
    /// Its id is not a platform's name.
    #[error(transparent)]
    Id(#[from] InvalidPlatformId),
    /// An object's name is not one.
    #[error(transparent)]
    Object(#[from] InvalidId),
}

impl ManifestIntegration {
    /// Makes a platform of `manifest`, which `source` tells where from.
    ///
    /// # Errors
    ///
    /// [`UnusableManifest`] never for one that was [loaded](crate::load()): its names are checked.
    pub fn new(manifest: Manifest, source: PlatformSource) -> Result<Self, UnusableManifest> {
        let id = intern(&manifest.id)?;
        let mut streams = Vec::with_capacity(manifest.streams.len());
        let mut objects = Vec::with_capacity(manifest.streams.len());
        for (name, stream) in &manifest.streams {
            let object = ObjectName::parse(name.as_str())?;
            let mut mapped = Vec::with_capacity(stream.fields.len());
            let mut described = Vec::with_capacity(stream.fields.len());
            for (name, rule) in &stream.fields {
                let columns = stream.entity.columns();
                // The checks of a manifest hold every `to` to the columns.
                let Some(local) = columns.iter().find(|it| **it == rule.to) else { continue };
                let kind = kind_of(rule)?;
                described.push(describe_field(name, rule, &kind));
                mapped.push(FieldMapping::reading(name.as_str(), *local, kind));
            }
            streams.push(StreamDescription {
                object: object.clone(),
                entity: Some(stream.entity),
                tells_deletes: stream.deleted.is_some(),
                fields: described,
            });
            objects.push(ObjectMapping::reading(object, stream.entity, mapped));
        }
        let mappings = Mappings::new(id, objects);
        Ok(Self { id, source, manifest: Arc::new(manifest), streams, mappings })
    }

    fn open_crm(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
    ) -> Result<(Arc<ManifestCrm>, OpenConnection), OpenError> {
        let settings = ConnectionSettings::read(&self.manifest, settings)?;
        let connection = settings.connection.clone();
        let unusable = |source| OpenError::Unusable { connection: connection.clone(), source };
        let pace = pace_of(&self.manifest.rate_limit);
        let http =
            HttpClient::within(surroundings, HttpSettings { pace, ..HttpSettings::default() })
                .map_err(unusable)?;
        let Surroundings { ledger, clock, random, .. } = surroundings;
        let http = match ledger {
            Some(ledger) => {
                let board = BreakerBoard::new(ledger.clone(), clock.clone(), &**random);
                http.with_shared_breakers(Arc::new(board))
            }
            None => http,
        };
        let crm = ManifestCrm::new(self.id, self.manifest.clone(), settings, http, surroundings)
            .map(Arc::new)
            .map_err(unusable)?;
        let mappings = self.mappings.clone();
        Ok((crm.clone(), OpenConnection::reading(connection, crm, mappings)))
    }
}

fn kind_of(rule: &FieldRule) -> Result<Kind, InvalidId> {
    Ok(match (rule.kind, &rule.object) {
        (FieldKind::Bool, _) => Kind::Bool,
        (FieldKind::Date | FieldKind::Datetime, _) => Kind::DateTime,
        (FieldKind::Reference, Some(object)) => {
            Kind::Reference(ObjectName::parse(object.as_str())?)
        }
        (FieldKind::Text | FieldKind::Reference, _) => Kind::Text,
    })
}

fn describe_field(name: &str, rule: &FieldRule, kind: &Kind) -> FieldDescription {
    let references = if let Kind::Reference(object) = kind { Some(object.clone()) } else { None };
    FieldDescription {
        name: name.to_owned(),
        kind: match rule.kind {
            FieldKind::Text => FieldType::Text,
            FieldKind::Bool => FieldType::Bool,
            FieldKind::Date => FieldType::Date,
            FieldKind::Datetime => FieldType::Datetime,
            FieldKind::Reference => FieldType::Reference,
        },
        column: Some(rule.to.clone()),
        references,
        can_read: true,
        can_write: false,
    }
}

/// Spreads the calls of a span evenly, after a burst.
fn pace_of(rule: &RateLimit) -> Option<Pace> {
    let (calls, per) = (rule.calls?, parse_duration(rule.per.as_deref()?).ok()?);
    let interval = per.checked_div(calls).filter(|it| *it > Duration::ZERO)?;
    Some(Pace { interval, burst: rule.burst.unwrap_or(1) })
}

#[async_trait]
impl PlatformIntegration for ManifestIntegration {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &str {
        &self.manifest.title
    }

    fn source(&self) -> PlatformSource {
        self.source
    }

    fn settings_schema(&self) -> Value {
        schema(&self.manifest)
    }

    fn capabilities(&self) -> BTreeSet<Capability> {
        let mut found = BTreeSet::from([Capability::ReadChanges, Capability::ReadRecord]);
        if self.streams.iter().any(|it| it.tells_deletes) {
            found.insert(Capability::ReadDeletes);
        }
        found
    }

    fn validate(&self, settings: &Value) -> Vec<String> {
        match ConnectionSettings::read(&self.manifest, settings) {
            Ok(_) => Vec::new(),
            Err(error) => error.faults().to_vec(),
        }
    }

    fn describe(&self) -> Vec<StreamDescription> {
        self.streams.clone()
    }

    fn open(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
    ) -> Result<OpenConnection, OpenError> {
        self.open_crm(settings, surroundings).map(|(_, opened)| opened)
    }

    async fn health(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
        last_success_at: Option<Timestamp>,
    ) -> HealthReport {
        let (crm, opened) = match self.open_crm(settings, surroundings) {
            Ok(opened) => opened,
            Err(error) => return HealthReport::not_opened(&error),
        };
        let mut report = examine(&opened, surroundings, last_success_at).await;
        if let Some(n_left) = crm.allowance().n_left {
            let what = format!("{n_left} calls are left in the platform's window");
            report.replace(match n_left {
                0 => Finding::warning(Aspect::Quota, what, "wait for the window to end"),
                _ => Finding::good(Aspect::Quota, what),
            });
        }
        report
    }
}

impl From<UnusableManifest> for PortError {
    fn from(error: UnusableManifest) -> Self {
        Self::new(PortErrorKind::Rejected, "manifest", "load", "manifest").with_source(error)
    }
}
