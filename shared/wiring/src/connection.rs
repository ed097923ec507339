//! Connections to remote systems, as settings describe them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use adapter_salesforce::SalesforceIntegration;
use adapter_salesforce::setup::PreparedThing;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use shared::config::{ConfigError, Env, Fault, Form};
use shared::ids::ConnectionId;
use shared::platform::{HealthReport, OpenConnection, PlatformIntegration, Surroundings};
use shared::ports::SecretAddress;
use shared::time::Timestamp;

use crate::error::WiringError;
use crate::platforms;

/// The settings of one connection: `platform`, and what that platform asks for.
#[derive(Clone)]
pub struct ConnectionSettings {
    pub(crate) name: ConnectionId,
    pub(crate) platform: Arc<dyn PlatformIntegration>,
    pub(crate) settings: Value,
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("name", &self.name)
            .field("platform", &self.platform.id())
            .finish_non_exhaustive()
    }
}

impl ConnectionSettings {
    /// Reads `CONNECTIONS`, a JSON list, or the file that `CONNECTIONS_FILE` names; notes each fault.
    pub fn read(env: &mut Env) -> Vec<Self> {
        let Some(list) = env.json::<Vec<Value>>("CONNECTIONS") else { return Vec::new() };
        let mut connections = Vec::with_capacity(list.len());
        for (idx, one) in list.into_iter().enumerate() {
            match Self::from_json(&one) {
                Ok(connection) => connections.push(connection),
                Err(error) => {
                    for fault in error.faults() {
                        env.fault(format!("CONNECTIONS[{idx}].{fault}"));
                    }
                }
            }
        }
        connections
    }

    /// Returns the form of one connection, of whichever platform.
    pub fn form() -> Form {
        Self::with_checks(Form::of_schema(connection_schema()))
    }

    /// Adds the checks of every platform's texts to a form that holds the schema of connections.
    #[must_use]
    pub fn with_checks(form: Form) -> Form {
        adapter_salesforce::SalesforceSettings::with_checks(form)
    }

    /// Reads one connection.
    ///
    /// # Errors
    ///
    /// Every fault at once, each naming its setting.
    pub fn from_json(json: &Value) -> Result<Self, ConfigError> {
        let Value::Object(mut map) = Self::form().read::<Value>(json).finish()? else {
            return Err(Fault::new("", "is not a table").into());
        };
        let id = map.remove("platform");
        let platform = id.as_ref().and_then(Value::as_str).and_then(platforms::platform);
        let platform = platform.ok_or_else(|| Fault::new("platform", "is not known"))?;
        let settings = Value::Object(map);
        let faults = platform.validate(&settings);
        if !faults.is_empty() {
            return Err(ConfigError::new(faults));
        }
        let name = settings.get("connection").and_then(Value::as_str).unwrap_or_default();
        let name = ConnectionId::parse(name)
            .map_err(|error| Fault::new("connection", error.to_string()))?;
        Ok(Self { name, platform, settings })
    }

    /// Returns the name of the connection.
    pub fn name(&self) -> &ConnectionId {
        &self.name
    }

    /// Returns the platform behind it.
    pub fn platform(&self) -> &dyn PlatformIntegration {
        &*self.platform
    }

    /// Returns the addresses of every secret that it names, with the paths of their settings.
    pub fn secrets(&self) -> Vec<(String, SecretAddress)> {
        let mut found = Vec::new();
        gather_secrets("", &self.settings, &mut found);
        found
    }

    /// Opens the connection with all that an integration may be given; nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when the platform's client cannot be built on this machine.
    pub fn open(&self, surroundings: &Surroundings) -> Result<OpenConnection, WiringError> {
        let opened = self
            .platform
            .open(&self.settings, surroundings)
            .map_err(|error| WiringError::unusable(&self.name, error))?;
        Ok(crate::metered::connection(opened))
    }

    /// Prepares what stands behind the connection for records that travel both ways, or only looks
    /// what it lacks; `None` where nothing can be prepared from here.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when the platform's client cannot be built on this machine. What the platform
    /// refuses is told with each thing.
    pub async fn prepare(
        &self,
        surroundings: &Surroundings,
        only_looks: bool,
    ) -> Result<Option<Vec<PreparedThing>>, WiringError> {
        if self.platform.id() != SalesforceIntegration.id() {
            return Ok(None);
        }
        let prepared =
            SalesforceIntegration.prepare(&self.settings, surroundings, only_looks).await;
        prepared.map(Some).map_err(|error| WiringError::unusable(&self.name, error))
    }

    /// Checks the connection, each aspect by itself.
    pub async fn health(
        &self,
        surroundings: &Surroundings,
        last_success_at: Option<Timestamp>,
    ) -> HealthReport {
        self.platform.health(&self.settings, surroundings, last_success_at).await
    }
}

/// A text that is the address of a secret stands for one: no other setting has that form.
fn gather_secrets(path: &str, value: &Value, found: &mut Vec<(String, SecretAddress)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather_secrets(&path, value, found);
            }
        }
        Value::String(text) => {
            if let Ok(address) = SecretAddress::parse(text.as_str()) {
                found.push((path.to_owned(), address));
            }
        }
        _ => {}
    }
}

impl<'de> Deserialize<'de> for ConnectionSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ConnectionSettings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ConnectionSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(connection_schema()).unwrap_or_default()
    }
}

/// Returns the schema of one connection: `platform`, and what that platform asks for.
fn connection_schema() -> Value {
    let all = platforms::platforms();
    let branches: Vec<_> =
        all.iter().map(|it| of_platform(it.id(), it.settings_schema())).collect();
    json!({ "oneOf": branches })
}

/// Adds `platform` to the schema of a platform's settings.
fn of_platform(platform: &str, mut schema: Value) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
        map.remove("title");
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "platform".to_owned(),
            json!({ "const": platform, "type": "string", "description": "The platform." }),
        );
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.push("platform".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_every_connection_is_reported_with_its_place() {
        let mut env = Env::from_pairs([(
            "CONNECTIONS",
            r#"[{"platform": "sap"}, {"platform": "salesforce", "connection": "Main"}]"#,
        )]);
        assert!(ConnectionSettings::read(&mut env).is_empty());
        let message = env.finish(None::<()>).unwrap_err().to_string();
        for fault in ["CONNECTIONS[0].platform: `sap`", "CONNECTIONS[1].connection", "login_url"] {
            assert!(message.contains(fault), "{message}");
        }
    }
}
