//! Salesforce as a platform.

use std::collections::BTreeSet;
use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings};
use async_trait::async_trait;
use serde_json::Value;
use shared::platform::{
    Capability, FieldDescription, FieldType, HealthReport, OpenConnection, OpenError,
    PlatformIntegration, PlatformSource, StreamDescription, Surroundings, examine,
};
use shared::ports::RemoteSessions;
use shared::sync::{FieldKind, FieldMapping};
use shared::time::Timestamp;
use shared::worker::quota::QuotaSettings;

use crate::client::PLATFORM;
use crate::crm::SalesforceCrm;
use crate::mappings::{mappings_of, standard_mappings};
use crate::settings::SalesforceSettings;
use crate::setup::{Preparation, PreparedThing};

/// The daily calls of the smallest org, until the org tells its own number.
/// Source: "API request limits and allocations", Developer Edition.
const DAILY_CALLS: u64 = 15_000;

/// Salesforce: orgs read and written, record by record and by bulk jobs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SalesforceIntegration;

impl SalesforceIntegration {
    /// Opens the connection, and lends its session to calls that its client does not make.
    ///
    /// # Errors
    ///
    /// As [`open`](PlatformIntegration::open).
    pub fn open_with_sessions(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
    ) -> Result<(OpenConnection, Arc<dyn RemoteSessions>), OpenError> {
        let settings = SalesforceSettings::from_json(settings)?;
        let connection = settings.connection.clone();
        let mappings = mappings_of(settings.mappings_folder.as_deref())?;
        let crm = crm_of(settings, surroundings)?;
        let sessions = crm.sessions();
        let crm = Arc::new(crm);
        let opened = OpenConnection {
            writer: Some(crm.clone()),
            bulk_writer: Some(crm.clone()),
            bulk_reader: Some(crm.clone()),
            schema: Some(crm.clone()),
            ..OpenConnection::reading(connection, crm, mappings)
        };
        Ok((opened, sessions))
    }

    /// Prepares the org for records that travel both ways, or only looks what it lacks.
    ///
    /// # Errors
    ///
    /// As [`open`](PlatformIntegration::open); what the org refuses is told with each thing.
    pub async fn prepare(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
        only_looks: bool,
    ) -> Result<Vec<PreparedThing>, OpenError> {
        let settings = SalesforceSettings::from_json(settings)?;
        let mappings = mappings_of(settings.mappings_folder.as_deref())?;
        let objects = mappings.objects().into_iter().map(|it| it.object.clone()).collect();
        let events = settings.events.as_ref();
        let topics = events.into_iter().flat_map(|it| it.topics().cloned()).collect();
        let setup = crm_of(settings, surroundings)?.client().setup();
        Ok(setup.prepare(&Preparation { objects, topics }, only_looks).await)
    }
}

/// Makes the client that `settings` describe; nothing is called yet.
fn crm_of(
    settings: SalesforceSettings,
    surroundings: &Surroundings,
) -> Result<SalesforceCrm, OpenError> {
    let connection = settings.connection.clone();
    let Surroundings { secrets, clock, writer, ledger, .. } = surroundings.clone();
    let http = HttpClient::within(surroundings, HttpSettings::default())
        .map_err(|source| OpenError::Unusable { connection: connection.clone(), source })?;
    let http = match ledger {
        Some(ledger) => {
            let quota = QuotaSettings::daily(PLATFORM, connection.as_str(), DAILY_CALLS);
            http.shared_through(ledger, PLATFORM, quota)
        }
        None => http,
    };
    Ok(match writer {
        Some(writer) => SalesforceCrm::with_secret_writer(settings, http, secrets, writer, clock),
        None => SalesforceCrm::new(settings, http, secrets, clock),
    })
}

fn describe_field(field: &FieldMapping) -> FieldDescription {
    let (kind, references) = match &field.kind {
        FieldKind::Text => (FieldType::Text, None),
        FieldKind::Bool => (FieldType::Bool, None),
        FieldKind::Number => (FieldType::Number, None),
        FieldKind::Date => (FieldType::Date, None),
        FieldKind::DateTime => (FieldType::Datetime, None),
        FieldKind::Reference(object) => (FieldType::Reference, Some(object.clone())),
    };
    FieldDescription {
        name: field.remote.clone(),
        kind,
        column: Some(field.local.clone()),
        references,
        can_read: true,
        can_write: field.direction.goes_out(),
    }
}

#[async_trait]
impl PlatformIntegration for SalesforceIntegration {
    fn id(&self) -> &'static str {
        PLATFORM
    }

    fn title(&self) -> &str {
        "Salesforce"
    }

    fn source(&self) -> PlatformSource {
        PlatformSource::Compiled
    }

    fn settings_schema(&self) -> Value {
        SalesforceSettings::form().schema().clone()
    }

    fn capabilities(&self) -> BTreeSet<Capability> {
        BTreeSet::from([
            Capability::ReadChanges,
            Capability::ReadRecord,
            Capability::ReadDeletes,
            Capability::Write,
            Capability::Webhooks,
            Capability::Bulk,
        ])
    }

    fn validate(&self, settings: &Value) -> Vec<String> {
        match SalesforceSettings::from_json(settings) {
            Ok(settings) => match mappings_of(settings.mappings_folder.as_deref()) {
                Ok(_) => Vec::new(),
                Err(error) => error.faults().to_vec(),
            },
            Err(error) => error.faults().to_vec(),
        }
    }

    fn describe(&self) -> Vec<StreamDescription> {
        let Ok(mappings) = standard_mappings() else { return Vec::new() };
        mappings
            .objects()
            .into_iter()
            .map(|it| StreamDescription {
                object: it.object.clone(),
                entity: Some(it.entity),
                tells_deletes: true,
                fields: it.fields.iter().map(describe_field).collect(),
            })
            .collect()
    }

    fn open(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
    ) -> Result<OpenConnection, OpenError> {
        self.open_with_sessions(settings, surroundings).map(|(opened, _)| opened)
    }

    async fn health(
        &self,
        settings: &Value,
        surroundings: &Surroundings,
        last_success_at: Option<Timestamp>,
    ) -> HealthReport {
        match self.open(settings, surroundings) {
            Ok(opened) => examine(&opened, surroundings, last_success_at).await,
            Err(error) => HealthReport::not_opened(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::platform::conformance;

    use super::*;

    #[tokio::test]
    async fn salesforce_keeps_the_contract_of_a_platform() {
        // Port 9 of this machine is "discard", which nobody serves.
        let good = json!({
            "connection": "main",
            "login_url": "http://127.0.0.1:9",
            "auth": {
                "flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SECRET",
            },
        });
        conformance::passes(&SalesforceIntegration, &good, &[("SECRET", "s3cret")]).await;
    }
}
