//! Reads query pages straight into records.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use shared::ids::SalesforceId;
use shared::model::{FieldName, FieldValue, Fields};
use shared::ports::{DeltaPage, RemoteRecord};
use shared::time::Timestamp;

use super::value::{FieldsSeed, Take};

/// One page of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// Its rows.
    pub rows: Vec<R>,
    /// The rows of the whole query, when it says.
    pub n_total: Option<u64>,
    /// Where the next page is; `None` after the last. A short page says nothing.
    pub next: Option<String>,
}

/// Makes rows of one kind out of the records of a page.
pub(crate) trait RowShape {
    type Draft<'s>: Take
    where
        Self: 's;
    type Row;

    fn begin(&self) -> Self::Draft<'_>;
    fn finish<E: serde::de::Error>(draft: Self::Draft<'_>) -> Result<Self::Row, E>;
}

/// Reads a page in `json`.
pub(crate) fn read_page<S: RowShape>(json: &[u8], shape: &S) -> serde_json::Result<Page<S::Row>> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let page = PageSeed(shape).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(page)
}

/// Reads the page in `json` as changes; every one of `fields` is in every record, or named as unread.
pub(crate) fn read_changes(json: &[u8], fields: &[String]) -> serde_json::Result<DeltaPage> {
    let Page { rows, next, .. } = read_page(json, &Wanted::new(fields))?;
    Ok(DeltaPage { records: rows, next, ..DeltaPage::default() })
}

struct PageSeed<'a, S>(&'a S);

impl<'de, S: RowShape> DeserializeSeed<'de> for PageSeed<'_, S> {
    type Value = Page<S::Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: RowShape> Visitor<'de> for PageSeed<'_, S> {
    type Value = Page<S::Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a query page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut rows, mut next, mut is_done, mut n_total) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "records" => rows = Some(map.next_value_seed(RowsSeed(self.0))?),
                "nextRecordsUrl" => next = map.next_value::<Option<String>>()?,
                "done" => is_done = Some(map.next_value::<bool>()?),
                "totalSize" => n_total = map.next_value::<Option<u64>>()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let rows = rows.ok_or_else(|| A::Error::missing_field("records"))?;
        match is_done {
            // A page that says there is more and not where would silently lose the rest.
            Some(false) if next.is_none() => Err(A::Error::missing_field("nextRecordsUrl")),
            Some(is_done) => Ok(Page { rows, n_total, next: next.filter(|_| !is_done) }),
            None => Err(A::Error::missing_field("done")),
        }
    }
}

struct RowsSeed<'a, S>(&'a S);

impl<'de, S: RowShape> DeserializeSeed<'de> for RowsSeed<'_, S> {
    type Value = Vec<S::Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: RowShape> Visitor<'de> for RowsSeed<'_, S> {
    type Value = Vec<S::Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element_seed(RowSeed(self.0))? {
            rows.push(row);
        }
        Ok(rows)
    }
}

/// Reads one record.
pub(crate) struct RowSeed<'a, S>(pub(crate) &'a S);

impl<'de, S: RowShape> DeserializeSeed<'de> for RowSeed<'_, S> {
    type Value = S::Row;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Row, D::Error> {
        let mut draft = self.0.begin();
        FieldsSeed { path: "", draft: &mut draft }.deserialize(deserializer)?;
        S::finish(draft)
    }
}

/// Rows with whatever fields they have, by their path; child records are left out.
pub(crate) struct AnyFields;

impl Take for Fields {
    fn take(&mut self, path: &str, value: FieldValue) {
        self.insert(path.to_owned(), value);
    }
}

impl RowShape for AnyFields {
    type Draft<'s> = Fields;
    type Row = Fields;

    fn begin(&self) -> Fields {
        Fields::new()
    }

    fn finish<E: serde::de::Error>(draft: Fields) -> Result<Fields, E> {
        Ok(draft)
    }
}

/// The names that were asked for, by their lower-case form: Salesforce answers in its own case.
pub(crate) struct Wanted {
    names: HashMap<String, FieldName>,
    /// In the order in which they were asked for.
    order: Vec<String>,
    has_parents: bool,
}

impl Wanted {
    pub(crate) fn new(fields: &[String]) -> Self {
        Self {
            names: fields.iter().map(|it| (it.to_ascii_lowercase(), it.into())).collect(),
            order: fields.to_vec(),
            has_parents: fields.iter().any(|it| it.contains('.')),
        }
    }

    /// Lists the names below `parent`, such as `Contact.Email` below `Contact`.
    fn below(&self, parent: &str) -> impl Iterator<Item = &FieldName> {
        let lead = format!("{}.", parent.to_ascii_lowercase());
        self.names.iter().filter(move |(lower, _)| lower.starts_with(&lead)).map(|(_, name)| name)
    }

    /// Lists the names that an answer did not have. A query answers every field that it selects, so
    /// that they were not selected, or are put together from others: they say nothing.
    fn unread(&self, fields: &Fields) -> Vec<String> {
        if fields.len() == self.names.len() {
            return Vec::new();
        }
        self.order.iter().filter(|it| !fields.contains_key(*it)).cloned().collect()
    }
}

/// A record while it is read.
pub(crate) struct Draft<'a> {
    wanted: &'a Wanted,
    id: Option<String>,
    version: Option<String>,
    is_deleted: Option<bool>,
    fields: Fields,
}

impl RowShape for Wanted {
    type Draft<'s> = Draft<'s>;
    type Row = RemoteRecord;

    fn begin(&self) -> Draft<'_> {
        let fields = Fields::new();
        Draft { wanted: self, id: None, version: None, is_deleted: None, fields }
    }

    fn finish<E: serde::de::Error>(draft: Draft<'_>) -> Result<RemoteRecord, E> {
        let id = draft.id.ok_or_else(|| E::missing_field("Id"))?;
        let version = draft.version.ok_or_else(|| E::missing_field("SystemModstamp"))?;
        Ok(RemoteRecord {
            unread: draft.wanted.unread(&draft.fields),
            record_id: SalesforceId::parse(id).map_err(E::custom)?.to_record_id(),
            version: Timestamp::parse(&version).map_err(E::custom)?,
            is_deleted: draft.is_deleted.ok_or_else(|| E::missing_field("IsDeleted"))?,
            fields: draft.fields,
        })
    }
}

impl Take for Draft<'_> {
    fn take(&mut self, path: &str, value: FieldValue) {
        match (path, &value) {
            ("Id", FieldValue::Text(id)) => self.id = Some(id.clone()),
            ("SystemModstamp", FieldValue::Text(at)) => self.version = Some(at.clone()),
            ("IsDeleted", FieldValue::Bool(is_deleted)) => self.is_deleted = Some(*is_deleted),
            _ => {}
        }
        let names = &self.wanted.names;
        let name = names.get(path).or_else(|| {
            names.get(&path.to_ascii_lowercase()) // Most names are not in lower case.
        });
        match name {
            Some(name) => {
                self.fields.insert(name.clone(), value);
            }
            // There is no such parent: what was asked of it is empty.
            None if value.is_null() && self.wanted.has_parents => {
                let below = self.wanted.below(path);
                self.fields.extend(below.map(|name| (name.clone(), FieldValue::Null)));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"{"totalSize":2,"done":false,
        "nextRecordsUrl":"/services/data/v66.0/query/01gR0000000opRTIAY-2000","records":[
        {"attributes":{"type":"Case","url":"/x"},"Id":"5005f00002J9YYE",
         "SystemModstamp":"2026-01-01T10:00:00.000+0000","IsDeleted":false,
         "Subject":" Smith v. \"Jones\" ","IsClosed":true,"Score__c":5.0E7,
         "Large__c":1.23456789012345678E17,
         "Contact":{"attributes":{"type":"Contact"},"Email":"a@b.c"},"Parts":[{"x":[1]}]},
        {"attributes":null,"Id":"5005f00002J9YYF","SystemModstamp":"2026-01-01T10:00:00.000+0000",
         "IsDeleted":true,"Subject":"","Contact":null}]}"#;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn page_becomes_records_with_every_field_that_it_has() {
        let fields = names(&[
            "subject",
            "IsClosed",
            "Score__c",
            "Large__c",
            "Contact.Email",
            "SystemModstamp",
        ]);
        let page = read_changes(PAGE.as_bytes(), &fields).unwrap();

        assert_eq!(
            page.next.as_deref(),
            Some("/services/data/v66.0/query/01gR0000000opRTIAY-2000")
        );
        let [first, second] = page.records.as_slice() else { panic!("{page:?}") };
        assert_eq!(first.record_id.as_str().len(), 18);
        assert_eq!(first.version, Timestamp::parse("2026-01-01T10:00:00Z").unwrap());
        assert_eq!(first.fields["subject"], FieldValue::text("Smith v. \"Jones\""));
        assert_eq!(first.fields["IsClosed"], FieldValue::Bool(true));
        assert_eq!(first.fields["Score__c"], FieldValue::Int(50_000_000));
        assert_eq!(first.fields["Large__c"], FieldValue::Int(123_456_789_012_345_678));
        assert_eq!(first.fields["Contact.Email"], FieldValue::text("a@b.c"));
        assert!(first.fields.contains_key("SystemModstamp"));
        assert!(second.is_deleted && first.unread.is_empty());
        assert!(second.fields["subject"].is_null() && second.fields["Contact.Email"].is_null());
        // What an answer does not have says nothing.
        assert_eq!(second.unread, ["IsClosed", "Score__c", "Large__c"]);
        assert_eq!(second.fields.len() + second.unread.len(), fields.len());
    }

    #[test]
    fn any_row_has_its_fields_by_their_path() {
        let page = read_page(PAGE.as_bytes(), &AnyFields).unwrap();
        assert_eq!(page.n_total, Some(2));
        let first = page.rows.first().unwrap();
        assert_eq!(first["Contact.Email"], FieldValue::text("a@b.c"));
        assert!(!first.contains_key("attributes"));
        assert!(page.rows.get(1).unwrap()["Contact"].is_null());
    }

    #[test]
    fn last_page_has_no_mark() {
        let page = read_changes(br#"{"totalSize":0,"done":true,"records":[]}"#, &[]).unwrap();
        assert_eq!(page, DeltaPage::default());
    }

    #[test]
    fn page_that_hides_where_the_rest_is_is_refused() {
        for page in [
            r#"{"done":false,"records":[]}"#,
            r#"{"records":[]}"#,
            r#"{"done":true}"#,
            r#"{"done":true,"records":[]"#,
        ] {
            assert!(read_changes(page.as_bytes(), &[]).is_err(), "{page}");
        }
    }
}
