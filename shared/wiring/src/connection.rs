//! Connections to remote systems, as settings describe them.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use shared::config::{ConfigError, Env, Fault, Form};
use shared::ids::ConnectionId;
use shared::ports::{Clock, Crm, Random, Secrets};
use shared::sync::Mappings;

use crate::error::WiringError;

/// The settings of one connection: `platform`, and what that platform asks for.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    name: ConnectionId,
    platform: Platform,
}

#[derive(Clone, Debug)]
enum Platform {
    Salesforce(Box<adapter_salesforce::SalesforceSettings>),
}

/// A connection that can be read.
pub struct OpenConnection {
    /// Its name.
    pub connection: ConnectionId,
    /// How to read it.
    pub crm: Arc<dyn Crm>,
    /// Which of its objects and fields are ours.
    pub mappings: Mappings,
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
        adapter_salesforce::SalesforceSettings::with_checks(Form::of_schema(connection_schema()))
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
        map.remove("platform");
        let settings = adapter_salesforce::SalesforceSettings::from_json(&map.into())?;
        let name = settings.connection.clone();
        Ok(Self { name, platform: Platform::Salesforce(Box::new(settings)) })
    }

    /// Returns the name of the connection.
    pub fn name(&self) -> &ConnectionId {
        &self.name
    }

    /// Opens the connection; nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`WiringError`] when the platform's client cannot be built on this machine.
    pub fn open(
        &self,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<OpenConnection, WiringError> {
        match &self.platform {
            Platform::Salesforce(settings) => {
                let http = adapter_http::HttpClient::new(
                    adapter_http::HttpSettings::default(),
                    clock.clone(),
                    random,
                )
                .map_err(|error| WiringError::unusable(&self.name, error))?;
                let crm = adapter_salesforce::SalesforceCrm::new(
                    (**settings).clone(),
                    http,
                    secrets,
                    clock,
                );
                let mappings = Mappings::salesforce()
                    .map_err(|error| WiringError::unusable(&self.name, error))?;
                Ok(OpenConnection { connection: self.name.clone(), crm: Arc::new(crm), mappings })
            }
        }
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
    let salesforce = adapter_salesforce::SalesforceSettings::form();
    json!({ "oneOf": [of_platform("salesforce", salesforce.schema().clone())] })
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
