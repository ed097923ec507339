//! The limits of an org, and the counts of its records.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use shared::PortError;
use shared::ids::ObjectName;

use crate::client::{RestCall, SalesforceClient};

/// One limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgLimit {
    /// The most there is; some limits have none.
    pub max: Option<i64>,
    /// What is left of it.
    pub remaining: Option<i64>,
    /// The same for each connected app that has a share of its own.
    pub by_app: BTreeMap<String, OrgLimit>,
}

/// The limits of an org by their name, such as `DailyApiRequests`: which there are differs from org to
/// org. Source: REST API guide, "Limits".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgLimits {
    by_name: BTreeMap<String, OrgLimit>,
}

impl OrgLimits {
    /// Returns the limit called `name`.
    pub fn get(&self, name: &str) -> Option<&OrgLimit> {
        self.by_name.get(name)
    }

    /// Returns what is left of the limit called `name`, at least zero.
    pub fn remaining(&self, name: &str) -> Option<u64> {
        self.get(name)?.remaining.map(|it| u64::try_from(it).unwrap_or(0))
    }

    /// Returns every limit.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OrgLimit)> {
        self.by_name.iter().map(|(name, limit)| (name.as_str(), limit))
    }

    fn read(json: &Map<String, Value>) -> Self {
        let entries = json.iter().filter_map(|(name, it)| Some((name, it.as_object()?)));
        Self { by_name: entries.map(|(name, it)| (name.clone(), OrgLimit::read(it))).collect() }
    }
}

impl OrgLimit {
    fn read(json: &Map<String, Value>) -> Self {
        let number = |name: &str| json.get(name).and_then(Value::as_i64);
        let apps = json.iter().filter_map(|(name, it)| Some((name, it.as_object()?)));
        Self {
            max: number("Max"),
            remaining: number("Remaining"),
            by_app: apps.map(|(name, it)| (name.clone(), Self::read(it))).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for OrgLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|json| Self::read(&json))
    }
}

#[derive(Deserialize)]
struct Counts {
    #[serde(rename = "sObjects")]
    objects: Vec<Count>,
}

#[derive(Deserialize)]
struct Count {
    name: String,
    count: u64,
}

impl SalesforceClient {
    /// Reads the limits of the org and what is left of them.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn limits(&self) -> Result<OrgLimits, PortError> {
        let call = RestCall::get("limits", self.connection().as_str(), &["limits"]);
        self.call(&call).await?.json()
    }

    /// Reads about how many records each of `objects` has, for plans and progress; an object that
    /// was never counted is left out. Source: REST API guide, "Record count".
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn record_counts(
        &self,
        objects: &[ObjectName],
    ) -> Result<BTreeMap<String, u64>, PortError> {
        let names: Vec<&str> = objects.iter().map(ObjectName::as_str).collect();
        let subject = self.connection().as_str();
        let call = RestCall::get("record counts", subject, &["limits", "recordCount"])
            .with("sObjects", names.join(","));
        let counts: Counts = self.call(&call).await?.json()?;
        Ok(counts.objects.into_iter().map(|it| (it.name, it.count)).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_a_map_with_apps_inside_and_what_is_no_limit_is_left_out() {
        let json = json!({
            "DailyApiRequests": {
                "Max": 15000, "Remaining": -3, "Ant Migration Tool": {"Max": 0, "Remaining": 0},
            },
            "Mystery": 7,
        });
        let limits = OrgLimits::read(json.as_object().unwrap());
        assert_eq!(limits.remaining("DailyApiRequests"), Some(0));
        assert_eq!(
            limits.get("DailyApiRequests").unwrap().by_app["Ant Migration Tool"].max,
            Some(0)
        );
        assert_eq!(limits.remaining("DailyBulkV2QueryJobs"), None);
        assert_eq!(limits.iter().count(), 1);
    }
}
