//! Reads one JSON Schema: what may stand at a place.

use serde_json::{Map, Value};

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a>(pub(super) &'a Value);

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    List,
    Text,
    Whole,
    Number,
    Switch,
    /// Anything at all.
    Any,
}

impl<'a> Shape<'a> {
    /// Returns what else may stand here, `null` left out.
    pub(super) fn branches(self) -> Vec<Shape<'a>> {
        ["oneOf", "anyOf"]
            .iter()
            .filter_map(|name| self.0.get(name)?.as_array())
            .flatten()
            .map(Shape)
            .filter(|it| it.0.get("type").and_then(Value::as_str) != Some("null"))
            .collect()
    }

    /// Returns the kind of value.
    pub(super) fn kind(self) -> Kind {
        let of_name = |name: &str| match name {
            "object" => Kind::Table,
            "array" => Kind::List,
            "string" => Kind::Text,
            "integer" => Kind::Whole,
            "number" => Kind::Number,
            "boolean" => Kind::Switch,
            _ => Kind::Any,
        };
        match self.0.get("type") {
            Some(Value::String(name)) => of_name(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .find(|name| *name != "null")
                .map_or(Kind::Any, of_name),
            _ if self.0.get("properties").is_some() => Kind::Table,
            _ => Kind::Any,
        }
    }

    /// Returns the settings of a table, by name.
    pub(super) fn properties(self) -> impl Iterator<Item = (&'a String, Shape<'a>)> {
        let map: Option<&Map<String, Value>> = self.0.get("properties").and_then(Value::as_object);
        map.into_iter().flatten().map(|(name, it)| (name, Shape(it)))
    }

    /// Returns the setting `name` of a table.
    pub(super) fn property(self, name: &str) -> Option<Shape<'a>> {
        self.0.get("properties")?.get(name).map(Shape)
    }

    /// Returns the names that a table cannot do without.
    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        self.0
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// Returns what the elements of a list, or the other entries of a table, are.
    pub(super) fn others(self) -> Option<Shape<'a>> {
        let others = match self.kind() {
            Kind::List => self.0.get("items"),
            _ => self.0.get("additionalProperties"),
        };
        others.filter(|it| **it != Value::Bool(false)).map(Shape)
    }

    /// Tells whether a table takes no names but its settings.
    pub(super) fn is_closed(self) -> bool {
        self.0.get("additionalProperties") == Some(&Value::Bool(false))
    }

    /// Returns the only values taken, when they are listed.
    pub(super) fn choices(self) -> Vec<&'a Value> {
        let listed = self.0.get("enum").and_then(Value::as_array).into_iter().flatten();
        let own: Vec<&Value> = listed.chain(self.0.get("const")).collect();
        let branches = self.branches();
        if !own.is_empty() || branches.is_empty() {
            return own;
        }
        let of_branches: Vec<Vec<&Value>> = branches.iter().map(|it| it.choices()).collect();
        match of_branches.iter().any(Vec::is_empty) {
            true => Vec::new(),
            false => of_branches.into_iter().flatten().collect(),
        }
    }

    /// Returns the name of the setting that tells which branch is meant.
    pub(super) fn tag(self) -> Option<&'a str> {
        let branches = self.branches();
        let is_tag = |name: &str| {
            branches
                .iter()
                .all(|it| it.property(name).is_some_and(|it| it.0.get("const").is_some()))
        };
        let first = branches.first()?;
        first.properties().map(|(name, _)| name.as_str()).find(|name| is_tag(name))
    }

    /// Returns what may be written here: an example, or the default.
    pub(super) fn sample(self) -> Option<&'a Value> {
        let example = self.0.get("examples").and_then(|it| it.get(0));
        example.or_else(|| self.0.get("default")).filter(|it| !it.is_null())
    }

    /// Returns what stands in for a value that is wrong, or missing.
    pub(super) fn substitute(self) -> Option<Value> {
        let default = self.0.get("default").filter(|it| !it.is_null());
        default.or_else(|| self.sample()).or_else(|| self.choices().first().copied()).cloned()
    }
}
