//! Shapes of values: one description checks a manifest, explains its faults, and is published as
//! JSON Schema.

use serde_json::{Map, Value, json};
use shared::config::nearest;

use crate::fault::Faults;
use crate::tree::{Content, Entry, Node};

/// What a value must look like.
pub(crate) enum Shape {
    /// Text that keeps a rule.
    Text(TextRule),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A whole number from `min` to `max`.
    Whole { min: i64, max: i64 },
    /// True or false.
    Flag,
    /// Text, a number, true or false, taken as text.
    Scalar,
    /// Text, a number, true or false, taken as it is.
    Literal,
    /// A list, of at least one value when it is there.
    List(&'static Shape),
    /// Names of the author's choosing, each with a value.
    Table { name: TextRule, value: &'static Shape },
    /// Known keys.
    Section(&'static [Key]),
    /// Known keys that hang on the word under `kind`.
    Kinds(&'static [Kind]),
}

/// A rule for text.
#[derive(Clone, Copy)]
pub(crate) struct TextRule {
    /// What is wanted, as in "write …".
    pub(crate) wanted: &'static str,
    /// Tells whether the rule is kept.
    pub(crate) keeps: fn(&str) -> bool,
}

/// One key of a section.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) is_required: bool,
    pub(crate) about: &'static str,
}

/// One kind of a section.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

/// Declares a key that may be left out.
pub(crate) const fn key(name: &'static str, shape: &'static Shape, about: &'static str) -> Key {
    Key { name, shape, is_required: false, about }
}

/// Declares a key that must be there.
pub(crate) const fn required(
    name: &'static str,
    shape: &'static Shape,
    about: &'static str,
) -> Key {
    Key { name, shape, is_required: true, about }
}

impl Shape {
    /// Checks `node`, noting every fault, and returns it as JSON.
    pub(crate) fn read(&self, node: &Node, path: &str, faults: &mut Faults<'_>) -> Value {
        match (self, &node.content) {
            (Self::Text(rule), Content::Text(text)) => {
                if !(rule.keeps)(text) {
                    faults.add(
                        node.line,
                        path,
                        format!("`{text}` does not fit: write {}", rule.wanted),
                    );
                }
                json!(text)
            }
            (Self::Choice(words), Content::Text(text)) => {
                if !words.contains(&text.as_str()) {
                    faults.add(
                        node.line,
                        path,
                        format!("`{text}` is not known{}", hint(text, words)),
                    );
                }
                json!(text)
            }
            (Self::Whole { min, max }, Content::Whole(number)) => {
                if !(min..=max).contains(&number) {
                    faults.add(node.line, path, format!("{number} is not from {min} to {max}"));
                }
                json!(number)
            }
            (Self::Flag, Content::Bool(value)) => json!(value),
            (Self::Scalar, _) if node.scalar().is_some() => json!(node.scalar()),
            (Self::Literal, Content::Bool(value)) => json!(value),
            (Self::Literal, Content::Whole(value)) => json!(value),
            (Self::Literal, Content::Number(value)) => json!(value),
            (Self::Literal, Content::Text(value)) => json!(value),
            (Self::List(shape), Content::List(items)) => {
                let item = |(idx, item)| shape.read(item, &format!("{path}.{idx}"), faults);
                items.iter().enumerate().map(item).collect()
            }
            (Self::Table { name, value }, Content::Map(entries)) => {
                read_table(*name, value, entries, path, faults)
            }
            (Self::Section(keys), Content::Map(entries)) => {
                Value::Object(read_keys(keys, entries, node.line, path, faults))
            }
            (Self::Kinds(kinds), Content::Map(entries)) => {
                read_kind(kinds, entries, node.line, path, faults)
            }
            _ => {
                faults.add(node.line, path, format!("is {}: write {}", node.kind(), self.wanted()));
                Value::Null
            }
        }
    }

    /// Says what to write.
    fn wanted(&self) -> String {
        match self {
            Self::Text(rule) => format!("{}, in quotes if need be", rule.wanted),
            Self::Choice(words) => format!("one of {}", list(words)),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Flag => "`true` or `false`".into(),
            Self::Scalar | Self::Literal => "text, a number, `true` or `false`".into(),
            Self::List(_) => "a list, such as `[a, b]`".into(),
            Self::Table { name, .. } => format!("a map from {} to its value", name.wanted),
            Self::Section(keys) => {
                let names: Vec<_> = keys.iter().map(|it| it.name).collect();
                format!("a map of {}", list(&names))
            }
            Self::Kinds(_) => "a map with `kind`".into(),
        }
    }

    /// Returns the JSON Schema.
    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Text(rule) => json!({"type": "string", "minLength": 0, "title": rule.wanted}),
            Self::Choice(words) => json!({"enum": words}),
            Self::Whole { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Scalar | Self::Literal => json!({"type": ["string", "number", "boolean"]}),
            Self::List(shape) => json!({"type": "array", "items": shape.schema()}),
            Self::Table { name, value } => json!({
                "type": "object",
                "title": format!("a map from {}", name.wanted),
                "additionalProperties": value.schema(),
            }),
            Self::Section(keys) => schema_of_keys(keys, None),
            Self::Kinds(kinds) => {
                let of = |it: &Kind| schema_of_keys(it.keys, Some(it));
                json!({"type": "object", "required": ["kind"],
                    "oneOf": kinds.iter().map(of).collect::<Vec<_>>()})
            }
        }
    }
}

fn schema_of_keys(keys: &[Key], kind: Option<&Kind>) -> Value {
    let mut properties = Map::new();
    let mut needed = Vec::new();
    if let Some(kind) = kind {
        properties.insert("kind".into(), json!({"const": kind.name, "description": kind.about}));
        needed.push("kind");
    }
    for key in keys {
        let mut schema = key.shape.schema();
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".into(), json!(key.about));
        }
        properties.insert(key.name.into(), schema);
        needed.extend(key.is_required.then_some(key.name));
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn read_table(
    name: TextRule,
    shape: &Shape,
    entries: &[Entry],
    path: &str,
    faults: &mut Faults<'_>,
) -> Value {
    let mut map = Map::new();
    for Entry { line, key, value } in entries {
        let path = join(path, key);
        if !(name.keeps)(key) {
            faults.add(*line, &path, format!("`{key}` does not fit: write {}", name.wanted));
        }
        map.insert(key.clone(), shape.read(value, &path, faults));
    }
    Value::Object(map)
}

fn read_keys(
    keys: &[Key],
    entries: &[Entry],
    line: u64,
    path: &str,
    faults: &mut Faults<'_>,
) -> Map<String, Value> {
    let mut map = Map::new();
    for entry in entries {
        let path = join(path, &entry.key);
        match keys.iter().find(|it| it.name == entry.key) {
            Some(key) => {
                map.insert(entry.key.clone(), key.shape.read(&entry.value, &path, faults));
            }
            None => {
                let names: Vec<_> = keys.iter().map(|it| it.name).collect();
                let text = format!("is not a key here{}", hint(&entry.key, &names));
                faults.add(entry.line, &path, text);
            }
        }
    }
    for key in keys.iter().filter(|it| it.is_required && !map.contains_key(it.name)) {
        let text = format!("is missing: {}", key.about);
        faults.add(line, &join(path, key.name), text);
    }
    map
}

fn read_kind(
    kinds: &[Kind],
    entries: &[Entry],
    line: u64,
    path: &str,
    faults: &mut Faults<'_>,
) -> Value {
    let names: Vec<_> = kinds.iter().map(|it| it.name).collect();
    let Some(entry) = entries.iter().find(|it| it.key == "kind") else {
        faults.add(line, &join(path, "kind"), format!("is missing: write one of {}", list(&names)));
        return Value::Null;
    };
    let word = entry.value.scalar().unwrap_or_default();
    let Some(kind) = kinds.iter().find(|it| it.name == word) else {
        let text = format!("`{word}` is not known{}", hint(&word, &names));
        faults.add(entry.line, &join(path, "kind"), text);
        return Value::Null;
    };
    let others: Vec<_> = entries.iter().filter(|it| it.key != "kind").cloned().collect();
    let mut map = read_keys(kind.keys, &others, line, path, faults);
    map.insert("kind".into(), json!(kind.name));
    Value::Object(map)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Names what was probably meant, or all that there is.
pub(crate) fn hint(given: &str, known: &[&str]) -> String {
    match nearest(given, known) {
        Some(name) => format!(": did you mean `{name}`?"),
        None => format!(": write one of {}", list(known)),
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
