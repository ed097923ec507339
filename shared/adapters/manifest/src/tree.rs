//! YAML as a tree that knows its lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A value and the line it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) content: Content,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) line: u64,
    pub(crate) key: String,
    pub(crate) value: Node,
}

impl Node {
    /// Returns what it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "true or false",
            Content::Whole(_) | Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// Returns the text of a value that is neither a list nor a map.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.content {
            Content::Bool(value) => Some(value.to_string()),
            Content::Whole(value) => Some(value.to_string()),
            Content::Number(value) => Some(value.to_string()),
            Content::Text(value) => Some(value.clone()),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Returns the line of the value at `path`, or of the nearest one above it.
    pub(crate) fn line_of(&self, path: &[&str]) -> u64 {
        let Some((first, rest)) = path.split_first() else { return self.line };
        match &self.content {
            Content::Map(entries) => match entries.iter().find(|it| it.key == *first) {
                Some(entry) if rest.is_empty() => entry.line,
                Some(entry) => entry.value.line_of(rest).max(entry.line),
                None => self.line,
            },
            Content::List(items) => first
                .parse()
                .ok()
                .and_then(|idx: usize| items.get(idx))
                .map_or(self.line, |item| item.line_of(rest)),
            _ => self.line,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Bare>::deserialize(deserializer)?;
        Ok(Self { line: referenced.line(), content: value.0 })
    }
}

struct Bare(Content);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BareVisitor).map(Self)
    }
}

struct BareVisitor;

impl<'de> Visitor<'de> for BareVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Whole(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond an i64 it is no count of ours")]
    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(i64::try_from(value).map_or(Content::Number(value as f64), Content::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value()?;
            entries.push(Entry { line: key.referenced.line(), key: key.value, value });
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "id: clio\nstreams:\n  Matter:\n    path: matters\n    tags: [a, b]\n";
        let tree: Node = serde_saphyr::from_str(text).unwrap();
        assert_eq!(tree.line_of(&["streams", "Matter", "path"]), 4);
        assert_eq!(tree.line_of(&["streams", "Matter", "paging", "at"]), 4);
        assert_eq!(tree.line_of(&["streams", "Matter", "tags", "1"]), 5);
    }

    #[test]
    fn version_with_dots_stays_text_and_a_number_key_is_a_name() {
        let tree: Node = serde_saphyr::from_str("v: 4.0.13\n422: rejected\n").unwrap();
        let Content::Map(entries) = tree.content else { panic!() };
        assert_eq!(entries[0].value.scalar().as_deref(), Some("4.0.13"));
        assert_eq!(entries[1].key, "422");
    }
}
