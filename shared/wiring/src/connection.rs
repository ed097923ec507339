//! Connections to remote systems, as settings describe them.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shared::config::{ConfigError, Env};
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
        let (setting, text) = match (env.get("CONNECTIONS"), env.get("CONNECTIONS_FILE")) {
            (Some(text), _) => ("CONNECTIONS", text.to_owned()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => ("CONNECTIONS_FILE", text),
                Err(error) => {
                    env.fault(format!("CONNECTIONS_FILE cannot be read: {error}"));
                    return Vec::new();
                }
            },
            (None, None) => return Vec::new(),
        };
        let list: Vec<Value> = match serde_json::from_str(&text) {
            Ok(list) => list,
            Err(error) => {
                env.fault(format!("{setting} is not a JSON list of connections: {error}"));
                return Vec::new();
            }
        };
        let mut connections = Vec::with_capacity(list.len());
        for (idx, one) in list.into_iter().enumerate() {
            match Self::from_json(one) {
                Ok(connection) => connections.push(connection),
                Err(error) => {
                    for fault in error.faults() {
                        env.fault(format!("{setting}[{idx}].{fault}"));
                    }
                }
            }
        }
        connections
    }

    /// Reads one connection.
    ///
    /// # Errors
    ///
    /// Every fault at once, each naming its setting.
    pub fn from_json(json: Value) -> Result<Self, ConfigError> {
        let fault = |what: String| ConfigError::new(vec![what]);
        let Value::Object(mut map) = json else {
            return Err(fault("it is not an object with `platform` and its settings".to_owned()));
        };
        let platform = match map.remove("platform") {
            Some(Value::String(platform)) => platform,
            Some(_) => return Err(fault(format!("platform is not text; write one of {KNOWN}"))),
            None => return Err(fault(format!("platform is missing; write one of {KNOWN}"))),
        };
        match platform.as_str() {
            "salesforce" => {
                let settings = adapter_salesforce::SalesforceSettings::from_json(map.into())?;
                let name = settings.connection.clone();
                Ok(Self { name, platform: Platform::Salesforce(Box::new(settings)) })
            }
            other => {
                Err(fault(format!("platform `{other}` is not in this build; write one of {KNOWN}")))
            }
        }
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
        Self::from_json(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

const KNOWN: &str = "`salesforce`";

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
        for fault in ["CONNECTIONS[0].platform `sap`", "CONNECTIONS[1].connection", "login_url"] {
            assert!(message.contains(fault), "{message}");
        }
    }
}
