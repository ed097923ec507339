//! YAML as a tree that knows its lines, and the reading of its parts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::fault::{Faults, no_such_name};
use super::rule::Scalar;
use crate::schedule::TimeOfDay;

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
    Scalar(Scalar),
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

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Bare>::deserialize(deserializer)?;
        Ok(Self { line: referenced.line(), content: value.0 })
    }
}

struct Bare(Content);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Whole(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond an i64 no digit of it is of use here")]
    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        let whole = i64::try_from(value).map(Scalar::Whole);
        Ok(Content::Scalar(whole.unwrap_or(Scalar::Number(value as f64))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Scalar::Text(value.to_owned())))
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

/// A node that is being read, with the path to it.
#[derive(Clone)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) line: u64,
    pub(crate) path: String,
}

impl<'a> At<'a> {
    /// The whole file.
    pub(crate) fn root(node: &'a Node) -> Self {
        Self { node, line: node.line, path: String::new() }
    }

    /// Notes a fault here.
    pub(crate) fn fault(&self, faults: &mut Faults<'_>, text: impl Into<String>) {
        faults.add(self.line, &self.path, text);
    }

    fn below(&self, name: &str, line: u64, node: &'a Node) -> Self {
        let path =
            if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { node, line, path }
    }

    /// Returns its keys with their values.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = match &self.node.content {
            Content::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|it| (it.key.as_str(), self.below(&it.key, it.line, &it.value)))
    }

    /// Returns the value of `key`, when it is there.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        self.entries().find(|(name, _)| *name == key).map(|it| it.1)
    }

    /// Returns the value of `key`, which must be there.
    pub(crate) fn need(&self, key: &str, faults: &mut Faults<'_>) -> Option<Self> {
        let found = self.get(key);
        if found.is_none() {
            self.fault(faults, format!("`{key}` is missing"));
        }
        found
    }

    /// Notes every key that is none of `known`, and a value that has no keys.
    pub(crate) fn keys(&self, known: &[&str], faults: &mut Faults<'_>) {
        if !matches!(self.node.content, Content::Map(_)) {
            self.fault(faults, format!("write the keys `{}`", known.join("`, `")));
        }
        for (key, value) in self.entries() {
            if !known.contains(&key) {
                value.fault(faults, no_such_name("key", key, known));
            }
        }
    }

    /// Returns its items; one value is a list of itself.
    pub(crate) fn items(&self) -> Vec<Self> {
        match &self.node.content {
            Content::List(items) => {
                let item =
                    |(idx, node): (usize, &'a Node)| self.below(&idx.to_string(), node.line, node);
                items.iter().enumerate().map(item).collect()
            }
            Content::Null => Vec::new(),
            _ => vec![self.clone()],
        }
    }

    /// Reads a value that is neither a list nor a map.
    pub(crate) fn scalar(&self, faults: &mut Faults<'_>) -> Option<Scalar> {
        if let Content::Scalar(value) = &self.node.content {
            return Some(value.clone());
        }
        self.fault(faults, "write one value");
        None
    }

    /// Reads text; a number or a flag is taken as it is written.
    pub(crate) fn text(&self, faults: &mut Faults<'_>) -> Option<String> {
        let text = self.scalar(faults)?.to_string();
        if text.trim().is_empty() {
            self.fault(faults, "is empty");
            return None;
        }
        Some(text)
    }

    /// Reads a list of texts, or one text.
    pub(crate) fn texts(&self, faults: &mut Faults<'_>) -> Option<Vec<String>> {
        let items = self.items();
        if items.is_empty() {
            self.fault(faults, "is empty: write at least one");
            return None;
        }
        items.iter().map(|it| it.text(faults)).collect()
    }

    /// Reads true or false.
    pub(crate) fn flag(&self, faults: &mut Faults<'_>) -> Option<bool> {
        if let Content::Scalar(Scalar::Bool(value)) = self.node.content {
            return Some(value);
        }
        self.fault(faults, "write `true` or `false`");
        None
    }

    /// Reads a number.
    #[expect(clippy::cast_precision_loss, reason = "bounds of figures are far below 2^53")]
    pub(crate) fn number(&self, faults: &mut Faults<'_>) -> Option<f64> {
        match self.node.content {
            Content::Scalar(Scalar::Whole(it)) => Some(it as f64),
            Content::Scalar(Scalar::Number(it)) if it.is_finite() => Some(it),
            _ => {
                self.fault(faults, "write a number");
                None
            }
        }
    }

    /// Reads a whole number that is not negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self, faults: &mut Faults<'_>) -> Option<T> {
        let count = match self.node.content {
            Content::Scalar(Scalar::Whole(it)) => T::try_from(it).ok(),
            _ => None,
        };
        if count.is_none() {
            self.fault(faults, "write a whole number, 0 or greater");
        }
        count
    }

    /// Reads one of some words.
    pub(crate) fn word<T: Copy>(
        &self,
        words: &[(&'static str, T)],
        faults: &mut Faults<'_>,
    ) -> Option<T> {
        let given = self.text(faults)?;
        let found = words.iter().find(|it| it.0 == given).map(|it| it.1);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|it| it.0).collect();
            self.fault(faults, no_such_name("word", &given, &names));
        }
        found
    }

    /// Reads a list of words, none of them twice.
    pub(crate) fn words<T: Copy + PartialEq>(
        &self,
        known: &[(&'static str, T)],
        faults: &mut Faults<'_>,
    ) -> Option<Vec<T>> {
        let items = self.items();
        if items.is_empty() {
            self.fault(faults, "is empty: write at least one");
            return None;
        }
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            let word = item.word(known, faults)?;
            if read.contains(&word) {
                item.fault(faults, "is there twice: take one away");
            }
            read.push(word);
        }
        Some(read)
    }

    /// Reads a time of the day.
    pub(crate) fn time_of_day(&self, faults: &mut Faults<'_>) -> Option<TimeOfDay> {
        let found = TimeOfDay::parse(&self.text(faults)?);
        if found.is_none() {
            self.fault(faults, "is no time of the day: write `\"06:00\"`, which is UTC");
        }
        found
    }
}
