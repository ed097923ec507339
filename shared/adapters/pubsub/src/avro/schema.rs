//! Schemas, read from JSON.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

/// Deeper nesting is refused. Change events nest three deep.
const MAX_DEPTH: usize = 16;

/// More fields than any object may have. Source: an object has at most 900 custom fields.
const MAX_FIELDS: usize = 5000;

/// What a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Bool,
    /// `int` and `long` are written alike.
    Int,
    Float,
    Double,
    Bytes,
    Text,
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    /// One of [`Schema::records`].
    Record(usize),
    /// One of `Schema::enums`.
    Enum(usize),
    Fixed(usize),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Type,
}

/// A record: its fields in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) fields: Vec<Field>,
}

/// A schema whose outermost type is a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    records: Vec<Record>,
    enums: Vec<Vec<String>>,
    root: usize,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaFault {
    #[error("it is not JSON")]
    NotJson,
    #[error("`{name}` is no type that it declares")]
    UnknownType { name: String },
    #[error("{what} of `{name}` is missing or of the wrong kind")]
    Malformed { name: String, what: &'static str },
    #[error("it nests or repeats more than an event may")]
    TooLarge,
    #[error("its outermost type is not a record")]
    NoRecord,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    ///
    /// [`SchemaFault`] naming the part at fault.
    pub(crate) fn parse(json: &str) -> Result<Self, SchemaFault> {
        let json: Json = serde_json::from_str(json).map_err(|_| SchemaFault::NotJson)?;
        let mut reading = Reading::default();
        let Type::Record(root) = reading.read(&json, "", 0)? else {
            return Err(SchemaFault::NoRecord);
        };
        Ok(Self { records: reading.records, enums: reading.enums, root })
    }

    /// Returns the fields of the outermost record.
    pub(crate) fn fields(&self) -> &[Field] {
        self.record(self.root).map_or(&[], |it| it.fields.as_slice())
    }

    /// Returns a record by its number.
    pub(crate) fn record(&self, number: usize) -> Option<&Record> {
        self.records.get(number)
    }

    /// Returns the name of a symbol of an enum.
    pub(super) fn symbol(&self, number: usize, symbol: usize) -> Option<&str> {
        self.enums.get(number)?.get(symbol).map(String::as_str)
    }

    /// Returns the record that a field of this type holds when it has parts.
    pub(crate) fn parts(&self, kind: &Type) -> Option<&Record> {
        match kind {
            Type::Record(number) => self.record(*number),
            Type::Union(branches) => branches.iter().find_map(|branch| match branch {
                Type::Record(number) => self.record(*number),
                _ => None,
            }),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Reading {
    records: Vec<Record>,
    enums: Vec<Vec<String>>,
    named: HashMap<String, Type>,
    n_fields: usize,
}

impl Reading {
    fn read(&mut self, json: &Json, namespace: &str, depth: usize) -> Result<Type, SchemaFault> {
        if depth > MAX_DEPTH {
            return Err(SchemaFault::TooLarge);
        }
        match json {
            Json::String(name) => self.by_name(name, namespace),
            Json::Array(branches) => {
                self.count(branches.len())?;
                let read = |it| self.read(it, namespace, depth + 1);
                branches.iter().map(read).collect::<Result<_, _>>().map(Type::Union)
            }
            Json::Object(map) => self.declared(map, namespace, depth),
            _ => Err(malformed("", "a type")),
        }
    }

    fn by_name(&self, name: &str, namespace: &str) -> Result<Type, SchemaFault> {
        if let Some(primitive) = primitive(name) {
            return Ok(primitive);
        }
        let found = self.named.get(&full_name(name, namespace)).or_else(|| self.named.get(name));
        found.cloned().ok_or_else(|| SchemaFault::UnknownType { name: name.to_owned() })
    }

    fn declared(
        &mut self,
        map: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Type, SchemaFault> {
        let name = map.get("name").and_then(Json::as_str).unwrap_or_default();
        let kind = map.get("type").ok_or_else(|| malformed(name, "`type`"))?;
        let namespace = map.get("namespace").and_then(Json::as_str).unwrap_or(namespace);
        let inner = |key: &'static str| map.get(key).ok_or_else(|| malformed(name, "the element"));
        match kind.as_str() {
            Some("array") => {
                Ok(Type::Array(Box::new(self.read(inner("items")?, namespace, depth + 1)?)))
            }
            Some("map") => {
                Ok(Type::Map(Box::new(self.read(inner("values")?, namespace, depth + 1)?)))
            }
            Some("enum") => {
                let symbols = map.get("symbols").and_then(Json::as_array);
                let symbols: Option<Vec<String>> = symbols.and_then(|list| {
                    list.iter().map(|it| it.as_str().map(str::to_owned)).collect()
                });
                let symbols = symbols.ok_or_else(|| malformed(name, "the list of symbols"))?;
                self.count(symbols.len())?;
                self.enums.push(symbols);
                Ok(self.name(name, namespace, Type::Enum(self.enums.len() - 1)))
            }
            Some("fixed") => {
                let size = map.get("size").and_then(Json::as_u64);
                let size = size.and_then(|it| usize::try_from(it).ok());
                let size = size.ok_or_else(|| malformed(name, "the size"))?;
                Ok(self.name(name, namespace, Type::Fixed(size)))
            }
            Some("record" | "error") => self.record(map, name, namespace, depth),
            // A type with attributes, such as a logical type, is written as what it stands on.
            _ => self.read(kind, namespace, depth + 1),
        }
    }

    fn record(
        &mut self,
        map: &Map<String, Json>,
        name: &str,
        namespace: &str,
        depth: usize,
    ) -> Result<Type, SchemaFault> {
        let fields = map.get("fields").and_then(Json::as_array);
        let fields = fields.ok_or_else(|| malformed(name, "the list of fields"))?;
        self.count(fields.len())?;
        // Its place is taken before its fields are read: a field may name the record itself.
        let number = self.records.len();
        self.records.push(Record::default());
        let kind = self.name(name, namespace, Type::Record(number));
        let mut read = Vec::with_capacity(fields.len());
        for field in fields {
            let field_name = field.get("name").and_then(Json::as_str);
            let field_name = field_name.ok_or_else(|| malformed(name, "the name of a field"))?;
            let kind = field.get("type").ok_or_else(|| malformed(field_name, "`type`"))?;
            let kind = self.read(kind, namespace, depth + 1)?;
            read.push(Field { name: field_name.to_owned(), kind });
        }
        if let Some(record) = self.records.get_mut(number) {
            record.fields = read;
        }
        Ok(kind)
    }

    fn name(&mut self, name: &str, namespace: &str, kind: Type) -> Type {
        self.named.insert(full_name(name, namespace), kind.clone());
        kind
    }

    fn count(&mut self, n: usize) -> Result<(), SchemaFault> {
        self.n_fields = self.n_fields.saturating_add(n);
        if self.n_fields > MAX_FIELDS { Err(SchemaFault::TooLarge) } else { Ok(()) }
    }
}

fn malformed(name: &str, what: &'static str) -> SchemaFault {
    SchemaFault::Malformed { name: name.to_owned(), what }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "int" | "long" => Type::Int,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn record_that_was_declared_once_is_known_by_its_name() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"E","namespace":"n","fields":[
                {"name":"A","type":["null",{"type":"record","name":"Address","fields":[
                    {"name":"City","type":["null","string"]}]}]},
                {"name":"B","type":["null","Address"]},
                {"name":"C","type":["null","n.Address"]},
                {"name":"D","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#,
        )
        .unwrap();
        let fields = schema.fields();
        for field in &fields[..3] {
            assert_eq!(schema.parts(&field.kind).unwrap().fields[0].name, "City");
        }
        assert_eq!(fields[3].kind, Type::Int);
    }

    proptest! {
        #[test]
        fn no_text_and_no_json_makes_the_reader_panic(text in ".*", json in json_like()) {
            let _ = Schema::parse(&text);
            let _ = Schema::parse(&json);
        }
    }

    /// Makes JSON of the words that schemas are made of.
    fn json_like() -> impl Strategy<Value = String> {
        let words = [
            "type",
            "record",
            "fields",
            "name",
            "array",
            "items",
            "map",
            "values",
            "enum",
            "symbols",
            "fixed",
            "size",
            "string",
            "null",
            "long",
            "A",
            "namespace",
        ];
        let word = prop::sample::select(words.to_vec()).prop_map(|it| format!("\"{it}\""));
        let leaf = prop_oneof![4 => word.clone(), 1 => any::<i32>().prop_map(|it| it.to_string())];
        leaf.prop_recursive(6, 60, 5, move |inner| {
            let pair =
                (word.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(|it| format!("[{}]", it.join(","))),
                prop::collection::vec(pair, 0..6).prop_map(|it| format!("{{{}}}", it.join(","))),
            ]
        })
    }

    #[test]
    fn each_broken_schema_is_refused_with_what_is_wrong() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        let fields = vec![r#"{"name":"a","type":"int"}"#; MAX_FIELDS + 1].join(",");
        let wide = format!(r#"{{"type":"record","name":"E","fields":[{fields}]}}"#);
        for (json, part) in [
            ("{", "not JSON"),
            ("1", "a type of ``"),
            (r#""string""#, "not a record"),
            (r#""Missing""#, "`Missing` is no type"),
            (r#"{"type":"record","name":"E"}"#, "the list of fields of `E`"),
            (r#"{"type":"record","name":"E","fields":[{"type":"int"}]}"#, "the name of a field"),
            (r#"{"type":"record","name":"E","fields":[{"name":"a"}]}"#, "`type` of `a`"),
            (r#"{"type":"array"}"#, "the element"),
            (r#"{"type":"enum","name":"T","symbols":[1]}"#, "symbols of `T`"),
            (r#"{"type":"fixed","name":"F","size":-1}"#, "the size of `F`"),
            (deep.as_str(), "more than an event may"),
            (wide.as_str(), "more than an event may"),
        ] {
            let fault = Schema::parse(json).unwrap_err().to_string();
            assert!(fault.contains(part), "`{part}` is not in: {fault}");
        }
    }
}
