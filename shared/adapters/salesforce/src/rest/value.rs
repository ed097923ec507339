//! Reads the fields of a record, those of its parents by their path, without a tree of JSON between.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use shared::model::FieldValue;

use crate::number::{Number, read_number};

/// Takes the fields of one record.
pub(crate) trait Take {
    /// Takes the value at `path`, such as `Subject` or `Contact.Email`.
    fn take(&mut self, path: &str, value: FieldValue);
}

/// Reads a record, or a parent inside one, into `draft`.
pub(crate) struct FieldsSeed<'a, T> {
    pub(crate) path: &'a str,
    pub(crate) draft: &'a mut T,
}

impl<'de, T: Take> DeserializeSeed<'de> for FieldsSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Take> Visitor<'de> for FieldsSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { path, draft } = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "attributes" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw: &'de RawValue = map.next_value()?;
            if path.is_empty() {
                read_value(&key, raw, draft)
            } else {
                read_value(&format!("{path}.{key}"), raw, draft)
            }
            .map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// Reads one value; its text is kept until its kind is known, for a float would lose digits.
fn read_value<T: Take>(path: &str, raw: &RawValue, draft: &mut T) -> serde_json::Result<()> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => {
            let value: Text<'_> = serde_json::from_str(text)?;
            draft.take(path, field_text(&value.0));
        }
        Some(b't') => draft.take(path, FieldValue::Bool(true)),
        Some(b'f') => draft.take(path, FieldValue::Bool(false)),
        Some(b'{') => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            FieldsSeed { path, draft }.deserialize(&mut deserializer)?;
        }
        // A list is no field's value; what stands there stays empty.
        Some(b'n' | b'[') | None => draft.take(path, FieldValue::Null),
        Some(_) => draft.take(
            path,
            match read_number(text) {
                Some(Number::Whole(whole)) => FieldValue::Int(whole),
                Some(Number::Part(part)) => FieldValue::number(part),
                None => FieldValue::Null,
            },
        ),
    }
    Ok(())
}

/// Makes the value of a text, without the bytes `\0`, which no store of ours keeps.
fn field_text(text: &str) -> FieldValue {
    match text.contains('\0') {
        true => FieldValue::text(&text.replace('\0', "")),
        false => FieldValue::text(text),
    }
}

/// Text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
