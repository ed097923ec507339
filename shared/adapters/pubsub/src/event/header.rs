//! What every change event says first: which records changed, how, and in which transaction.

use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::model::{Change, Scope};
use shared::time::Timestamp;

use crate::avro::{Record, Value};

/// Longer transaction keys are refused, so that one fits any queue's dedupe key.
const MAX_KEY_CHARS: usize = 100;

/// More records than one event ever names; then the whole object is read instead.
const MAX_RECORDS: usize = 10_000;

/// Stands for every record of an object: read them all again.
/// Source: Change Data Capture guide, "Overflow Events".
pub(crate) const EVERY_RECORD: &str = "000000000000000AAA";

/// The header of a change event. Source: Change Data Capture guide, "Change Event Header Fields".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) object: ObjectName,
    /// The records, each as it was written and as an id of ours; one entry stands for all records
    /// when nobody knows which they are.
    pub(crate) records: Vec<(String, RecordId)>,
    pub(crate) change: Change,
    pub(crate) scope: Scope,
    pub(crate) transaction_key: String,
    pub(crate) sequence_number: i64,
    pub(crate) committed_at: Timestamp,
    pub(crate) is_update: bool,
    pub(crate) changed_fields: Vec<String>,
    pub(crate) nulled_fields: Vec<String>,
    pub(crate) diff_fields: Vec<String>,
}

/// A part of the header that is missing or cannot be used. Its value is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("`ChangeEventHeader.{0}` is missing or cannot be used")]
pub(crate) struct HeaderFault(pub(crate) &'static str);

/// Finds values by the names of their fields.
struct Named<'a> {
    record: &'a Record,
    values: &'a [Value],
}

impl<'a> Named<'a> {
    fn get(&self, name: &'static str) -> Result<&'a Value, HeaderFault> {
        let place = self.record.fields.iter().position(|it| it.name == name);
        place.and_then(|it| self.values.get(it)).ok_or(HeaderFault(name))
    }

    fn text(&self, name: &'static str) -> Result<&'a str, HeaderFault> {
        self.get(name)?.as_text().ok_or(HeaderFault(name))
    }

    fn int(&self, name: &'static str) -> Result<i64, HeaderFault> {
        self.get(name)?.as_int().ok_or(HeaderFault(name))
    }

    fn texts(&self, name: &'static str) -> Result<Vec<String>, HeaderFault> {
        match self.get(name)? {
            Value::Null => Ok(Vec::new()),
            Value::List(items) => {
                let text = |it: &Value| it.as_text().map(str::to_owned).ok_or(HeaderFault(name));
                items.iter().map(text).collect()
            }
            _ => Err(HeaderFault(name)),
        }
    }
}

impl Header {
    /// Reads the header out of its `values`.
    ///
    /// # Errors
    ///
    /// [`HeaderFault`] naming the part at fault.
    pub(crate) fn of(record: &Record, values: &[Value]) -> Result<Self, HeaderFault> {
        let named = Named { record, values };
        let object = ObjectName::parse(named.text("entityName")?);
        let change_type = named.text("changeType")?;
        let (change, scope) = match change_type {
            "CREATE" => (Change::Upsert, Scope::Full),
            "UNDELETE" => (Change::Undelete, Scope::Full),
            "UPDATE" => (Change::Upsert, Scope::Changed),
            "DELETE" | "GAP_DELETE" => (Change::Delete, Scope::Changed),
            "GAP_CREATE" | "GAP_UPDATE" | "GAP_UNDELETE" | "GAP_OVERFLOW" | "SNAPSHOT" => {
                (Change::Unknown, Scope::Changed)
            }
            _ => return Err(HeaderFault("changeType")),
        };
        let transaction_key = named.text("transactionKey")?;
        if !(1..=MAX_KEY_CHARS).contains(&transaction_key.len()) {
            return Err(HeaderFault("transactionKey"));
        }
        let committed_at = Timestamp::from_foreign_millis(named.int("commitTimestamp")?);
        let record_ids = named.texts("recordIds")?;
        // The prose of the guide says that an overflow names no record, its sample names a dummy.
        let may_name_none = change_type == "GAP_OVERFLOW";
        let records = records(record_ids, may_name_none).ok_or(HeaderFault("recordIds"))?;
        let is_every = matches!(records.as_slice(), [(_, id)] if id.as_str() == EVERY_RECORD);
        Ok(Self {
            object: object.map_err(|_| HeaderFault("entityName"))?,
            records,
            change: if is_every { Change::Unknown } else { change },
            scope: if is_every { Scope::Changed } else { scope },
            transaction_key: transaction_key.to_owned(),
            sequence_number: named.int("sequenceNumber")?,
            committed_at: committed_at.ok_or(HeaderFault("commitTimestamp"))?,
            is_update: change_type == "UPDATE",
            changed_fields: named.texts("changedFields")?,
            nulled_fields: named.texts("nulledFields")?,
            diff_fields: named.texts("diffFields")?,
        })
    }
}

/// Reads ids; a wildcard (`001*`, after a field's type was converted) or too many of them stand for
/// the whole object.
fn records(raw: Vec<String>, may_name_none: bool) -> Option<Vec<(String, RecordId)>> {
    let every = |raw: String| Some(vec![(raw, RecordId::parse(EVERY_RECORD).ok()?)]);
    if raw.is_empty() {
        return if may_name_none { every(EVERY_RECORD.to_owned()) } else { None };
    }
    if raw.len() > MAX_RECORDS {
        return every(EVERY_RECORD.to_owned());
    }
    if let Some(wildcard) = raw.iter().find(|it| it.ends_with('*') || *it == EVERY_RECORD) {
        return every(wildcard.clone());
    }
    let id = |raw: String| {
        let id = SalesforceId::parse(raw.as_str()).ok()?.to_record_id();
        Some((raw, id))
    };
    raw.into_iter().map(id).collect()
}
