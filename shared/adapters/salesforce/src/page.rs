//! Reads query pages straight into records, without a tree of JSON between.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use shared::ids::SalesforceId;
use shared::model::{FieldValue, Fields};
use shared::ports::{DeltaPage, RemoteRecord};
use shared::time::Timestamp;

/// Reads the page in `json`; every one of `fields` is in every record.
pub(crate) fn read_page(json: &[u8], fields: &[String]) -> serde_json::Result<DeltaPage> {
    let wanted = Wanted::new(fields);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let page = PageSeed { wanted: &wanted }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(page)
}

/// The names that were asked for, by their lower-case form: Salesforce answers in its own case.
struct Wanted {
    names: HashMap<String, String>,
    empty: Fields,
}

impl Wanted {
    fn new(fields: &[String]) -> Self {
        Self {
            names: fields.iter().map(|it| (it.to_ascii_lowercase(), it.clone())).collect(),
            empty: fields.iter().map(|it| (it.clone(), FieldValue::Null)).collect(),
        }
    }
}

struct PageSeed<'a> {
    wanted: &'a Wanted,
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = DeltaPage;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<DeltaPage, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = DeltaPage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a query page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DeltaPage, A::Error> {
        let mut records = None;
        let mut next = None;
        let mut is_done = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "records" => records = Some(map.next_value_seed(RecordsSeed(self.wanted))?),
                "nextRecordsUrl" => next = map.next_value::<Option<String>>()?,
                "done" => is_done = Some(map.next_value::<bool>()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let records = records.ok_or_else(|| A::Error::missing_field("records"))?;
        match is_done {
            // A page that says there is more and not where would silently lose the rest.
            Some(false) if next.is_none() => Err(A::Error::missing_field("nextRecordsUrl")),
            Some(is_done) => {
                let next = next.filter(|_| !is_done);
                Ok(DeltaPage { records, next, ..DeltaPage::default() })
            }
            None => Err(A::Error::missing_field("done")),
        }
    }
}

struct RecordsSeed<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for RecordsSeed<'_> {
    type Value = Vec<RemoteRecord>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RecordsSeed<'_> {
    type Value = Vec<RemoteRecord>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = seq.next_element_seed(RecordSeed(self.0))? {
            records.push(record);
        }
        Ok(records)
    }
}

struct RecordSeed<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = RemoteRecord;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RemoteRecord, D::Error> {
        let mut draft = Draft { fields: self.0.empty.clone(), ..Draft::default() };
        let seed = PartSeed { wanted: self.0, path: "", draft: &mut draft };
        deserializer.deserialize_map(seed)?;
        draft.finish()
    }
}

/// A record while it is read.
#[derive(Default)]
struct Draft {
    id: Option<String>,
    version: Option<String>,
    is_deleted: Option<bool>,
    fields: Fields,
}

impl Draft {
    fn take(&mut self, wanted: &Wanted, path: &str, value: FieldValue) {
        match (path, &value) {
            ("Id", FieldValue::Text(id)) => self.id = Some(id.clone()),
            ("SystemModstamp", FieldValue::Text(at)) => self.version = Some(at.clone()),
            ("IsDeleted", FieldValue::Bool(is_deleted)) => self.is_deleted = Some(*is_deleted),
            _ => {}
        }
        let name = wanted.names.get(path).or_else(|| {
            wanted.names.get(&path.to_ascii_lowercase()) // Most names are not in lower case.
        });
        if let Some(slot) = name.and_then(|name| self.fields.get_mut(name)) {
            *slot = value;
        }
    }

    fn finish<E: serde::de::Error>(self) -> Result<RemoteRecord, E> {
        let id = self.id.ok_or_else(|| E::missing_field("Id"))?;
        let version = self.version.ok_or_else(|| E::missing_field("SystemModstamp"))?;
        Ok(RemoteRecord {
            unread: Vec::new(),
            record_id: SalesforceId::parse(id).map_err(E::custom)?.to_record_id(),
            version: Timestamp::parse(&version).map_err(E::custom)?,
            is_deleted: self.is_deleted.ok_or_else(|| E::missing_field("IsDeleted"))?,
            fields: self.fields,
        })
    }
}

/// Reads a record, or a parent inside one, into `draft`.
struct PartSeed<'a> {
    wanted: &'a Wanted,
    path: &'a str,
    draft: &'a mut Draft,
}

impl<'de> Visitor<'de> for PartSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { wanted, path, draft } = self;
        while let Some(key) = map.next_key::<String>()? {
            if key == "attributes" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            map.next_value_seed(ValueSeed { wanted, path: &path, draft })?;
        }
        Ok(())
    }
}

struct ValueSeed<'a> {
    wanted: &'a Wanted,
    path: &'a str,
    draft: &'a mut Draft,
}

impl ValueSeed<'_> {
    fn take(self, value: FieldValue) {
        self.draft.take(self.wanted, self.path, value);
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.take(FieldValue::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.take(FieldValue::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.take(FieldValue::Int(value));
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond i64 a whole number is only a float")]
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        let whole = i64::try_from(value).map(FieldValue::Int);
        self.take(whole.unwrap_or_else(|_| FieldValue::number(value as f64)));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.take(FieldValue::number(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.take(FieldValue::text(value));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Self { wanted, path, draft } = self;
        PartSeed { wanted, path, draft }.visit_map(map)
    }

    /// A list is no field's value; what stands there stays empty.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"totalSize":2,"done":false,
        "nextRecordsUrl":"/services/data/v66.0/query/01gR0000000opRTIAY-2000","records":[
        {"attributes":{"type":"Case","url":"/x"},"Id":"5005f00002J9YYE",
         "SystemModstamp":"2026-01-01T10:00:00.000+0000","IsDeleted":false,
         "Subject":" Smith v. Jones ","IsClosed":true,"Score__c":5.0E7,
         "Contact":{"attributes":{"type":"Contact"},"Email":"a@b.c"},"Parts":[{"x":[1]}]},
        {"attributes":null,"Id":"5005f00002J9YYF","SystemModstamp":"2026-01-01T10:00:00.000+0000",
         "IsDeleted":true,"Subject":"","Contact":null}]}"#;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn page_becomes_records_with_every_field_that_was_asked_for() {
        let fields = names(&["subject", "IsClosed", "Score__c", "Contact.Email", "SystemModstamp"]);
        let page = read_page(PAGE.as_bytes(), &fields).unwrap();

        assert_eq!(
            page.next.as_deref(),
            Some("/services/data/v66.0/query/01gR0000000opRTIAY-2000")
        );
        let [first, second] = page.records.as_slice() else { panic!("{page:?}") };
        assert_eq!(first.record_id.as_str().len(), 18);
        assert_eq!(first.version, Timestamp::parse("2026-01-01T10:00:00Z").unwrap());
        assert_eq!(first.fields["subject"], FieldValue::text("Smith v. Jones"));
        assert_eq!(first.fields["IsClosed"], FieldValue::Bool(true));
        assert_eq!(first.fields["Score__c"], FieldValue::Int(50_000_000));
        assert_eq!(first.fields["Contact.Email"], FieldValue::text("a@b.c"));
        assert!(first.fields.contains_key("SystemModstamp"));
        assert!(second.is_deleted);
        assert_eq!(second.fields.len(), fields.len());
        assert!(second.fields["subject"].is_null() && second.fields["Contact.Email"].is_null());
    }

    #[test]
    fn last_page_has_no_mark() {
        let page = read_page(br#"{"totalSize":0,"done":true,"records":[]}"#, &[]).unwrap();
        assert_eq!(page, DeltaPage::default());
    }

    #[test]
    fn page_that_hides_where_the_rest_is_is_refused() {
        assert!(read_page(br#"{"done":false,"records":[]}"#, &[]).is_err());
        assert!(read_page(br#"{"records":[]}"#, &[]).is_err());
        assert!(read_page(br#"{"done":true}"#, &[]).is_err());
        assert!(read_page(br#"{"done":true,"records":[]"#, &[]).is_err());
    }
}
