//! Turns the records of a batch into changes, and settles each by its own result.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::{Map, Number, Value as Json};

use super::columns::{Column, Target};
use super::csv::{Cell, Dialect, Reader};
use super::ingest::Operation;
use crate::ids::RecordId;
use crate::org::{Change, Org, Outcome, RecordError, Value, parse_date, parse_instant};
use crate::schema::{Field, FieldKind, ObjectType};

/// A cell that sets its field to nothing. Source: Bulk API 2.0 guide, prepare CSV files.
const NULL: &str = "#N/A";

/// Longest cell, in characters. Source: Bulk API 2.0 limits.
const MAX_CELL: usize = 32_000;

/// Rows that the platform looks at together: none may be meant twice among them.
const CHUNK: usize = 200;

/// What came of one record of an upload.
#[derive(Clone, Debug)]
pub(super) struct RowResult {
    /// Where the record stands.
    pub(super) range: Range<usize>,
    /// The row, when it is known.
    pub(super) id: Option<RecordId>,
    pub(super) fate: Fate,
}

/// How one record of an upload ended.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Created,
    Changed,
    /// What `sf__Error` says.
    Failed(Box<str>),
}

/// What the records of a job are meant to do.
pub(super) struct Meaning<'a> {
    pub(super) object: &'a ObjectType,
    pub(super) operation: Operation,
    pub(super) key: Option<&'a str>,
    pub(super) columns: &'a [Column],
}

/// A record that was read: where it stands, and the change it means or why it means none.
pub(super) struct Read {
    range: Range<usize>,
    id: Option<RecordId>,
    change: Result<Change, RecordError>,
}

/// Reads the records of `text`, a batch that stands at `offset` of the upload.
pub(super) fn read(
    org: &Org,
    meaning: &Meaning<'_>,
    text: &str,
    offset: usize,
    dialect: Dialect,
) -> Vec<Read> {
    let keys = Keys::find(org, meaning, text, dialect);
    let mut reader = Reader::new(text, 0, dialect);
    let (mut cells, mut all) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    while let Some(record) = reader.next(&mut cells) {
        if all.len() % CHUNK == 0 {
            seen.clear();
        }
        let id = row_id(meaning, &cells);
        let change = change(meaning, &keys, &cells, &mut seen);
        let range = offset + record.range.start..offset + record.range.end;
        all.push(Read { range, id, change });
    }
    all
}

/// Parts records into the changes to be made and the results they get; a change's result is filled in
/// by [`settle`].
pub(super) fn part(records: Vec<Read>) -> (Vec<Change>, Vec<RowResult>) {
    let mut changes = Vec::new();
    let results = records
        .into_iter()
        .map(|Read { range, id, change }| {
            let fate = match change {
                Ok(change) => {
                    changes.push(change);
                    Fate::Changed
                }
                Err(refusal) => Fate::Failed(error_text(&refusal)),
            };
            RowResult { range, id, fate }
        })
        .collect();
    (changes, results)
}

/// Fills in what became of the changes, which are in the order of the results that wait for them.
pub(super) fn settle(results: &mut [RowResult], settled: Vec<Result<Outcome, RecordError>>) {
    let waiting = results.iter_mut().filter(|result| matches!(result.fate, Fate::Changed));
    for (result, outcome) in waiting.zip(settled) {
        match outcome {
            Ok(Outcome { id, created }) => {
                result.id = Some(id);
                result.fate = if created { Fate::Created } else { Fate::Changed };
            }
            Err(refusal) if refusal.code == "NOT_FOUND" => {
                let refusal =
                    RecordError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
                result.fate = Fate::Failed(error_text(&refusal));
            }
            Err(refusal) => result.fate = Fate::Failed(error_text(&refusal)),
        }
    }
}

/// Writes a refusal as `sf__Error` does: `CODE:message:field1,field2 --`.
fn error_text(refusal: &RecordError) -> Box<str> {
    let space = if refusal.fields.is_empty() { "" } else { " " };
    let fields = refusal.fields.join(",");
    format!("{}:{}:{fields}{space}--", refusal.code, refusal.message).into()
}

fn row_id(meaning: &Meaning<'_>, cells: &[Cell<'_>]) -> Option<RecordId> {
    let place = meaning.columns.iter().position(|column| matches!(column.target, Target::Id))?;
    RecordId::parse(cells.get(place)?.as_ref().ok()?)
}

fn change(
    meaning: &Meaning<'_>,
    keys: &Keys,
    cells: &[Cell<'_>],
    seen: &mut HashSet<String>,
) -> Result<Change, RecordError> {
    let n_columns = meaning.columns.len();
    if cells.len() != n_columns {
        let message = format!("The row has {} cells, the heading {n_columns}", cells.len());
        return Err(RecordError::new("INVALID_FIELD", message));
    }
    let mut fields = Map::new();
    let (mut id, mut key) = ("", "");
    for (idx, (column, cell)) in meaning.columns.iter().zip(cells).enumerate() {
        let text = check_cell(column, cell, idx)?;
        match &column.target {
            Target::Id => id = text,
            Target::Field { .. } if meaning.key.is_some_and(|it| is_same(it, &column.name)) => {
                key = text;
            }
            Target::Field { place } => {
                if let Some(field) = meaning.object.fields.get(*place).filter(|_| !text.is_empty())
                {
                    fields.insert(field.name.clone(), value(field, text, idx)?);
                }
            }
            Target::Lookup { reference, .. } => {
                if let Some(field) = meaning.object.fields.get(*reference)
                    && !text.is_empty()
                {
                    fields.insert(field.name.clone(), keys.value(idx, column, field, text)?);
                }
            }
            Target::Ignored => {}
        }
    }
    meant(meaning, id, key, fields, seen)
}

fn is_same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

fn check_cell<'a>(column: &Column, cell: &'a Cell<'_>, idx: usize) -> Result<&'a str, RecordError> {
    let Ok(text) = cell else {
        let message = format!(
            "Failed to deserialize field at col {idx}. Due to, a character beside the quotes of its value"
        );
        return Err(RecordError::new("INVALID_FIELD", message).with_field(&column.name));
    };
    if text.len() > MAX_CELL && text.chars().count() > MAX_CELL {
        let message = format!("data value too large at col {idx} (max length={MAX_CELL})");
        return Err(RecordError::new("STRING_TOO_LONG", message).with_field(&column.name));
    }
    Ok(text)
}

/// Makes the change that a record means.
fn meant(
    meaning: &Meaning<'_>,
    id: &str,
    key: &str,
    fields: Map<String, Json>,
    seen: &mut HashSet<String>,
) -> Result<Change, RecordError> {
    let object = || meaning.object.name.clone();
    let id_of_object = || match RecordId::parse(id) {
        Some(parsed) if parsed.prefix() == meaning.object.prefix => Ok(id.to_owned()),
        Some(_) => Err(RecordError::new("NOT_FOUND", "")),
        None if id.is_empty() => Err(missing("Id")),
        None => Err(RecordError::malformed_id(id).with_field("Id")),
    };
    let not_ours = |refusal: RecordError| match refusal.code {
        "NOT_FOUND" => {
            RecordError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        }
        _ => refusal,
    };
    match meaning.operation {
        Operation::Insert if !id.is_empty() => {
            let message = "cannot specify Id in an insert call";
            Err(RecordError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).with_field("Id"))
        }
        Operation::Insert => Ok(Change::Create { object: object(), fields }),
        Operation::Update => {
            let id = id_of_object().map_err(not_ours)?;
            Ok(Change::Update { object: Some(object()), id, fields })
        }
        Operation::Delete => Ok(Change::Delete { id: id_of_object().map_err(not_ours)? }),
        Operation::HardDelete => Ok(Change::Erase { id: id_of_object().map_err(not_ours)? }),
        Operation::Upsert => upserted(meaning, id, key, fields, seen),
    }
}

fn upserted(
    meaning: &Meaning<'_>,
    id: &str,
    key: &str,
    fields: Map<String, Json>,
    seen: &mut HashSet<String>,
) -> Result<Change, RecordError> {
    let object = meaning.object.name.clone();
    let name = meaning.key.unwrap_or("Id");
    let is_by_id = is_same(name, "Id");
    let value = if is_by_id { id } else { key };
    if value.is_empty() || value == NULL {
        return if is_by_id { Ok(Change::Create { object, fields }) } else { Err(missing(name)) };
    }
    if !seen.insert(value.to_lowercase()) {
        let message = format!("Duplicate external id specified: {value}");
        return Err(RecordError::new("DUPLICATE_VALUE", message).with_field(name));
    }
    let (key, value) = (name.to_owned(), value.to_owned());
    Ok(Change::Upsert { object, key, value, fields })
}

fn missing(name: &str) -> RecordError {
    RecordError::new("MISSING_ARGUMENT", format!("{name} not specified"))
}

/// Reads a cell as what its field holds.
fn value(field: &Field, text: &str, idx: usize) -> Result<Json, RecordError> {
    if text == NULL {
        return Ok(Json::Null);
    }
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    let (read, kind) = match field.kind {
        FieldKind::Boolean => (boolean(text).map(Json::Bool), "boolean"),
        FieldKind::Date => {
            let is_plain = text.len() == 10 && parse_date(text).is_some();
            (is_plain.then(|| Json::String(text.to_owned())), "date")
        }
        FieldKind::DateTime => {
            (parse_instant(text).map(|_| Json::String(text.to_owned())), "dateTime")
        }
        FieldKind::Double | FieldKind::Currency => {
            (number().and_then(Number::from_f64).map(Json::Number), "double")
        }
        FieldKind::Int => {
            let whole = number().filter(|number| number.fract() == 0.0);
            (whole.and_then(Number::from_f64).map(Json::Number), "int")
        }
        _ => (Some(Json::String(text.to_owned())), "string"),
    };
    read.ok_or_else(|| {
        let message = format!(
            "Failed to deserialize field at col {idx}. Due to, '{text}' is not a valid value for the type xsd:{kind}"
        );
        RecordError::new("INVALID_FIELD", message).with_field(&field.name)
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The rows that relationship columns lead to, by column and by the text of the cell.
///
/// They are looked up before the batch changes anything, so that no row refers to one that is made
/// beside it, as on the platform.
struct Keys(HashMap<usize, HashMap<String, Vec<RecordId>>>);

impl Keys {
    fn find(org: &Org, meaning: &Meaning<'_>, text: &str, dialect: Dialect) -> Self {
        let lookups = meaning.columns.iter().enumerate().filter_map(|(idx, column)| {
            let Target::Lookup { object, place, .. } = &column.target else { return None };
            Some((idx, object, *place))
        });
        let mut found: HashMap<usize, HashMap<String, Vec<RecordId>>> = HashMap::new();
        for (idx, object, place) in lookups {
            let wanted = found.entry(idx).or_default();
            let mut reader = Reader::new(text, 0, dialect);
            let mut cells = Vec::new();
            while reader.next(&mut cells).is_some() {
                if let Some(Ok(cell)) =
                    cells.get(idx).filter(|cell| **cell != Ok(Cow::Borrowed("")))
                {
                    wanted.entry(cell.to_lowercase()).or_default();
                }
            }
            let Some(table) = org.table(&object.name) else { continue };
            if object.fields.get(place).is_some_and(|field| field.unique) {
                for (text, ids) in wanted.iter_mut() {
                    ids.extend(table.by_unique(place, text));
                }
                continue;
            }
            for row in table.rows().filter(|row| !row.is_deleted()) {
                if let Value::Text(text) = row.get(place)
                    && let Some(ids) = wanted.get_mut(&text.to_lowercase())
                {
                    ids.push(row.id);
                }
            }
        }
        Self(found)
    }

    fn value(
        &self,
        idx: usize,
        column: &Column,
        field: &Field,
        text: &str,
    ) -> Result<Json, RecordError> {
        if text == NULL {
            return Ok(Json::Null);
        }
        let known = self.0.get(&idx).and_then(|keys| keys.get(&text.to_lowercase()));
        match known.map(Vec::as_slice).unwrap_or_default() {
            [id] => Ok(Json::String(id.to_string())),
            [] => {
                let (key, entity) = match &column.target {
                    Target::Lookup { object, place, .. } => {
                        let key = object.fields.get(*place).map_or("", |key| key.name.as_str());
                        (key, object.name.as_str())
                    }
                    _ => ("", field.name.as_str()),
                };
                let message = format!(
                    "Foreign key external ID: {text} not found for field {key} in entity {entity}"
                );
                Err(RecordError::new("INVALID_FIELD", message))
            }
            several => {
                let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                let message = format!(
                    "{}: more than one record found for external id field: [{}]",
                    column.name,
                    ids.join(", ")
                );
                Err(RecordError::new("DUPLICATE_EXTERNAL_ID", message))
            }
        }
    }
}
