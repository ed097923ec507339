//! The form that settings must have, made from their types.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::path::{Step, joined, steps};
use super::shape::{Kind, Shape};
use super::walk::{Check, Walk};
use super::{ConfigError, Fault, Span, TextSetting};
use crate::ids::{ConnectionId, SalesforceId};
use crate::ports::SecretAddress;

/// The form that a document of settings must have: a JSON Schema, and a check for each of its text
/// formats.
///
/// Structs of settings derive `Deserialize` and `schemars::JsonSchema`, with
/// `#[serde(deny_unknown_fields)]`; those are all that is declared.
pub struct Form {
    schema: Value,
    checks: BTreeMap<&'static str, Check>,
}

/// Settings that were read, with all that is wrong with them.
#[derive(Debug)]
pub struct Reading<T> {
    /// The settings, with a well-formed value in place of each that is not; `None` when too much is
    /// wrong for that. To be used only for finding further faults, unless there is none.
    pub settings: Option<T>,
    /// Every fault.
    pub faults: Vec<Fault>,
}

impl<T> Reading<T> {
    /// Adds faults that a rule about several settings found, but for those that concern a setting
    /// which is wrong anyway.
    pub fn further(&mut self, faults: impl IntoIterator<Item = Fault>) {
        let n_known = self.faults.len();
        for fault in faults {
            let known = self.faults.iter().take(n_known);
            if !known.into_iter().any(|it| it.concerns(&fault.path)) {
                self.faults.push(fault);
            }
        }
    }

    /// Returns the settings.
    ///
    /// # Errors
    ///
    /// Every fault at once.
    pub fn finish(self) -> Result<T, ConfigError> {
        match self.settings {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(self.faults.into_iter().collect()),
        }
    }
}

impl Form {
    /// Makes the form of `T`.
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
        let schema = settings.for_deserialize().into_generator().into_root_schema_for::<T>();
        Self::of_schema(schema.to_value())
    }

    /// Makes the form that `schema` describes, which refers to no other schema.
    pub fn of_schema(schema: Value) -> Self {
        Self { schema, checks: BTreeMap::new() }
            .with_text::<Span>()
            .with_text::<SecretAddress>()
            .with_text::<ConnectionId>()
            .with_text::<SalesforceId>()
            .with_check("uri", |raw| {
                url::Url::parse(raw)
                    .map(|_| ())
                    .map_err(|error| format!("is not an address ({error})"))
            })
            .with_check("socket-address", |raw| {
                raw.parse::<SocketAddr>().map(|_| ()).map_err(|_| {
                    format!("`{raw}` is not an address and a port: write such as `127.0.0.1:8080`")
                })
            })
    }

    /// Adds the check of one kind of text.
    #[must_use]
    pub fn with_text<T: TextSetting>(self) -> Self {
        self.with_check(T::FORMAT, T::check)
    }

    /// Adds the check of the text format `name`.
    #[must_use]
    pub fn with_check(mut self, name: &'static str, check: fn(&str) -> Result<(), String>) -> Self {
        self.checks.insert(name, check);
        self
    }

    /// Returns the JSON Schema.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Reads `document`, gathering every fault.
    pub fn read<T: DeserializeOwned>(&self, document: &Value) -> Reading<T> {
        let mut walk = Walk { checks: &self.checks, faults: Vec::new() };
        let left = walk.value("", Shape(&self.schema), document);
        let mut faults = walk.faults;
        let settings = left.and_then(|left| {
            serde_json::from_value(left)
                .map_err(|error| {
                    if faults.is_empty() {
                        faults.push(Fault::new("", format!("cannot be read: {error}")));
                    }
                })
                .ok()
        });
        Reading { settings, faults }
    }

    /// Returns the schema of the setting at `path`, such as `poll.every`.
    pub fn part(&self, path: &str) -> Option<&Value> {
        let mut at = vec![Shape(&self.schema)];
        for step in steps(path)? {
            at = at
                .into_iter()
                .flat_map(whole)
                .filter_map(|it| match step {
                    Step::Key(name) if it.kind() == Kind::Table => {
                        it.property(name).or_else(|| it.others())
                    }
                    Step::Idx(_) if it.kind() == Kind::List => it.others(),
                    _ => None,
                })
                .collect();
        }
        at.first().map(|it| it.0)
    }

    /// Calls `visit` with the path and the schema of each setting that `document` holds or that has
    /// a default, and with its value; tables and lists of tables are gone into.
    pub fn visit(&self, document: &Value, visit: &mut dyn FnMut(&str, &Value, &Value)) {
        visit_value("", Shape(&self.schema), document, visit);
    }

    /// Returns the path of each setting marked `x-changeable`.
    pub fn changeable(&self) -> Vec<String> {
        let mut found = Vec::new();
        gather_changeable("", Shape(&self.schema), &mut found);
        found
    }

    /// Returns the text formats that nothing checks; there should be none.
    pub fn unchecked_formats(&self) -> Vec<String> {
        let mut found = Vec::new();
        gather_formats(&self.schema, &mut |format| {
            if !self.checks.contains_key(format) {
                found.push(format.to_owned());
            }
        });
        found
    }
}

/// Returns the branches of a shape, or the shape itself.
fn whole(shape: Shape<'_>) -> Vec<Shape<'_>> {
    let branches = shape.branches();
    if branches.is_empty() { vec![shape] } else { branches.into_iter().flat_map(whole).collect() }
}

fn visit_value(
    path: &str,
    shape: Shape<'_>,
    value: &Value,
    visit: &mut dyn FnMut(&str, &Value, &Value),
) {
    let branches = whole(shape);
    let fits = |it: &Shape<'_>| match (shape.tag(), value) {
        (Some(tag), Value::Object(map)) => {
            it.property(tag).and_then(|it| it.0.get("const")) == map.get(tag)
        }
        _ => true,
    };
    let Some(shape) = branches.into_iter().find(fits) else { return };
    match (shape.kind(), value) {
        (Kind::Table, Value::Object(map)) => {
            for (name, of_name) in shape.properties() {
                let default = match of_name.0.get("default") {
                    None if whole(of_name).iter().any(|it| it.kind() == Kind::Table) => None,
                    default => default,
                };
                let empty = Value::Object(Map::new());
                match map.get(name).or(default).unwrap_or(&Value::Null) {
                    Value::Null
                        if of_name.kind() == Kind::Table && of_name.branches().is_empty() =>
                    {
                        visit_value(&joined(path, name), of_name, &empty, visit);
                    }
                    value => visit_value(&joined(path, name), of_name, value, visit),
                }
            }
            for (name, value) in map.iter().filter(|(name, _)| shape.property(name).is_none()) {
                visit(&joined(path, name), &Value::Null, value);
            }
        }
        (Kind::List, Value::Array(list)) if !list.is_empty() => {
            let Some(element) = shape.others() else { return visit(path, shape.0, value) };
            if whole(element).iter().all(|it| it.kind() != Kind::Table) {
                return visit(path, shape.0, value);
            }
            for (idx, one) in list.iter().enumerate() {
                visit_value(&format!("{path}[{idx}]"), element, one, visit);
            }
        }
        (_, Value::Null) => {}
        _ => visit(path, shape.0, value),
    }
}

fn gather_changeable(path: &str, shape: Shape<'_>, found: &mut Vec<String>) {
    if shape.0.get("x-changeable") == Some(&Value::Bool(true)) {
        found.push(path.to_owned());
    }
    for (name, of_name) in shape.properties() {
        gather_changeable(&joined(path, name), of_name, found);
    }
}

fn gather_formats(schema: &Value, found: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(map) => {
            let is_text = map.get("type").is_some_and(|it| {
                it == "string" || it.as_array().is_some_and(|it| it.contains(&"string".into()))
            });
            if let (true, Some(Value::String(format))) = (is_text, map.get("format")) {
                found(format);
            }
            map.values().for_each(|it| gather_formats(it, found));
        }
        Value::Array(list) => list.iter().for_each(|it| gather_formats(it, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
