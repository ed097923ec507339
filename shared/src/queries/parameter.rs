//! Parameters of a question: values that are bound, never text that is spliced in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::value::{QueryValue, example, read_value};
use crate::etl::{ColumnKind, no_such_name};
use crate::time::Timestamp;

/// What may stand as the default of a date: the day on which it is asked, in UTC.
pub(super) const TODAY: &str = "today";

const DAY_MILLIS: i64 = 86_400_000;

/// A parameter of a named query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name; the statement calls it `$name`.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
    /// What it means.
    pub about: String,
    /// What counts when it is not given, as it is written; without one it is without a value.
    pub default: Option<String>,
    /// The values that may be given; any when there are none.
    pub values: Vec<String>,
}

/// A parameter that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {text}")]
pub struct ParameterFault {
    /// The parameter.
    pub name: String,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl Parameter {
    /// Returns a value that may be given: the default, the first of those that may be, or any.
    pub fn sample(&self, now: Timestamp) -> QueryValue {
        let raw = self.default.as_ref().or(self.values.first()).map(String::as_str);
        self.read(raw.unwrap_or(example(self.kind)), now).unwrap_or_default()
    }

    /// Reads a value as people write it. An empty one is no value.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn read(&self, raw: &str, now: Timestamp) -> Result<QueryValue, String> {
        if raw.is_empty() {
            return Ok(QueryValue::Null);
        }
        if !self.values.is_empty() && !self.values.iter().any(|it| it == raw) {
            let known: Vec<&str> = self.values.iter().map(String::as_str).collect();
            return Err(no_such_name("value", raw, &known));
        }
        let read = match (self.kind, raw) {
            (ColumnKind::Date, TODAY) => {
                i32::try_from(now.as_millis().div_euclid(DAY_MILLIS)).ok().map(QueryValue::Date)
            }
            (kind, raw) => read_value(kind, raw),
        };
        let (kind, shown) = (self.kind, example(self.kind));
        let short: String = raw.chars().take(64).collect();
        read.ok_or_else(|| format!("`{short}` is no {kind}: write such as `{shown}`"))
    }
}

/// Gives every parameter of `known` its value: the one of `given`, or its default at `now`.
///
/// # Errors
///
/// Every fault.
pub fn bind(
    known: &[Parameter],
    given: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<BTreeMap<String, QueryValue>, Vec<ParameterFault>> {
    let mut faults = Vec::new();
    let names: Vec<&str> = known.iter().map(|it| it.name.as_str()).collect();
    for name in given.keys().filter(|it| !names.contains(&it.as_str())) {
        let text = no_such_name("parameter", name, &names);
        faults.push(ParameterFault { name: name.clone(), text });
    }
    let mut bound = BTreeMap::new();
    for parameter in known {
        let raw = given.get(&parameter.name).or(parameter.default.as_ref());
        let value = raw.map_or(Ok(QueryValue::Null), |raw| parameter.read(raw, now));
        match value {
            Ok(value) => drop(bound.insert(parameter.name.clone(), value)),
            Err(text) => faults.push(ParameterFault { name: parameter.name.clone(), text }),
        }
    }
    if faults.is_empty() { Ok(bound) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, kind: ColumnKind) -> Parameter {
        Parameter {
            name: name.to_owned(),
            kind,
            about: "About it.".to_owned(),
            default: None,
            values: Vec::new(),
        }
    }

    #[test]
    fn defaults_count_and_every_fault_is_told() {
        let until =
            Parameter { default: Some(TODAY.to_owned()), ..parameter("until", ColumnKind::Date) };
        let grain = Parameter {
            values: vec!["week".to_owned(), "month".to_owned()],
            ..parameter("grain", ColumnKind::Text)
        };
        let known = [until, grain, parameter("days", ColumnKind::Long)];
        let now = Timestamp::parse("2026-12-01T23:59:59Z").unwrap();

        let bound = bind(&known, &BTreeMap::new(), now).unwrap();
        assert_eq!(bound["until"].to_string(), "2026-12-01");
        assert!(bound["grain"].is_null() && bound["days"].is_null());

        let given = [("unitl", "2026-01-01"), ("grain", "moth"), ("days", "many")];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let told: Vec<String> =
            bind(&known, &given, now).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3);
        assert!(told[0].contains("did you mean `until`?"), "{told:?}");
        assert!(told[1].contains("did you mean `month`?"), "{told:?}");
        assert!(told[2].contains("`many` is no long: write such as `90`"), "{told:?}");
    }
}
