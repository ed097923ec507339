//! Sources and sinks as they are written.

use crate::etl::case_rows::{case_column, case_columns};
use crate::etl::database::WriteMode;
use crate::etl::fault::{Faults, no_such_name};
use crate::etl::kind::{ColumnKind, SourceColumn, ValueFormat};
use crate::etl::place::{CsvForm, FileForm, JsonForm, Place, Sink, Source};
use crate::etl::yaml::At;
use crate::model::Entity;

/// Reads where a file is.
pub(super) fn place(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Place> {
    let raw = at.text(faults)?;
    Place::parse(&raw).map_err(|text| at.fault(faults, text)).ok()
}

/// Reads how a file is written; without a word its name says it.
fn form(at: &At<'_>, place: Option<&Place>, faults: &mut Faults<'_>) -> Option<FileForm> {
    let no_file = match place {
        Some(place) if place.entity().is_some() => {
            Some((FileForm::Store, "rows of the case store are"))
        }
        Some(place) if place.table().is_some() => Some((FileForm::Table, "a table is")),
        Some(place) if place.database_table().is_some() => Some((FileForm::Database, "a table is")),
        _ => None,
    };
    if let Some((form, what)) = no_file {
        for it in ["format", "delimiter", "null_words"].iter().filter_map(|it| at.get(it)) {
            it.fault(faults, format!("{what} no file: remove it"));
        }
        return Some(form);
    }
    let name = match at.get("format") {
        Some(it) => it.text(faults)?,
        None => {
            let name = place?.key.as_str();
            name.rsplit_once('.').map_or("", |it| it.1).to_owned()
        }
    };
    let form = match name.as_str() {
        "csv" => FileForm::Csv(csv(at, faults)),
        "json" | "jsonl" | "ndjson" => {
            let null_words = null_words(at, faults);
            FileForm::Json(JsonForm { null_words })
        }
        "parquet" => FileForm::Parquet,
        other => {
            let known = ["csv", "json", "parquet"];
            at.fault(faults, format!("format: {}", no_such_name("format", other, &known)));
            return None;
        }
    };
    if let Some(it) = at.get("delimiter").filter(|_| !matches!(form, FileForm::Csv(_))) {
        it.fault(faults, "only files of the format `csv` have it: remove it");
    }
    if let Some(it) = at.get("null_words").filter(|_| !form.is_text()) {
        it.fault(faults, "only files of the formats `csv` and `json` have it: remove it");
    }
    Some(form)
}

fn null_words(at: &At<'_>, faults: &mut Faults<'_>) -> Vec<String> {
    at.get("null_words").and_then(|it| it.texts(faults)).unwrap_or_default()
}

fn csv(at: &At<'_>, faults: &mut Faults<'_>) -> CsvForm {
    let mut form = CsvForm::default();
    if let Some(it) = at.get("delimiter")
        && let Some(crate::etl::rule::Scalar::Text(text)) = it.scalar(faults)
    {
        match text.as_bytes() {
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => {
                form.delimiter = *one;
            }
            _ => it.fault(faults, "write one ASCII character, such as `\";\"` or `\"\\t\"`"),
        }
    }
    form.null_words = null_words(at, faults);
    form
}

/// Reads a source.
pub(super) fn source(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Source> {
    at.keys(&["at", "format", "delimiter", "null_words", "columns"], faults);
    let place = at.need("at", faults).and_then(|it| place(&it, faults));
    let form = form(at, place.as_ref(), faults);
    let place = place?;
    let columns = match (at.get("columns"), place.entity()) {
        (None, Some(entity)) => case_columns(entity),
        _ => {
            let columns = at.need("columns", faults)?.items();
            columns.iter().filter_map(|it| column(it, place.entity(), faults)).collect()
        }
    };
    Some(Source { at: place, form: form?, columns })
}

/// Reads a sink.
pub(super) fn sink(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Sink> {
    at.keys(&["at", "format", "delimiter", "write", "by"], faults);
    let place = at.need("at", faults).and_then(|it| place(&it, faults));
    let form = form(at, place.as_ref(), faults);
    let place = place?;
    let write = match place.database_table() {
        Some(_) => write_mode(at, faults)?,
        None => {
            for it in ["write", "by"].iter().filter_map(|it| at.get(it)) {
                it.fault(
                    faults,
                    "only a table of a database has it, a file is replaced: remove it",
                );
            }
            WriteMode::Replace
        }
    };
    Some(Sink { at: place, form: form?, write })
}

/// Reads what becomes of rows that a table has. Without a word nothing is done to them: somebody may need
/// them.
fn write_mode(at: &At<'_>, faults: &mut Faults<'_>) -> Option<WriteMode> {
    let Some(write) = at.get("write") else {
        let text = "say what becomes of the rows that the table has: `write: append`, `write: merge` \
                    with `by`, or `write: replace`";
        at.fault(faults, text);
        return None;
    };
    let by = match at.get("by") {
        Some(it) => Some(it.texts(faults)?),
        None => None,
    };
    let name = write.text(faults)?;
    WriteMode::parse(&name, by).map_err(|text| write.fault(faults, text)).ok()
}

/// Reads the place, the form and the column of a reference.
pub(super) fn reference(at: &At<'_>, faults: &mut Faults<'_>) -> Option<(Place, FileForm, String)> {
    at.keys(&["at", "format", "delimiter", "null_words", "column"], faults);
    let place = at.need("at", faults).and_then(|it| place(&it, faults));
    let form = form(at, place.as_ref(), faults);
    let column = at.need("column", faults)?.text(faults)?;
    Some((place?, form?, column))
}

/// Reads a column. One of the case store holds, without a word, what it holds there.
fn column(at: &At<'_>, entity: Option<Entity>, faults: &mut Faults<'_>) -> Option<SourceColumn> {
    at.keys(&["name", "from", "type", "format", "required"], faults);
    let name = at.need("name", faults)?.text(faults)?;
    let from = match at.get("from") {
        Some(it) => it.text(faults)?,
        None => name.clone(),
    };
    let kind = match (at.get("type"), entity) {
        (Some(it), _) => kind(&it, faults)?,
        // A name that is not there is told when all is checked.
        (None, Some(entity)) => case_column(entity, &from).unwrap_or(ColumnKind::Text),
        (None, None) => ColumnKind::Text,
    };
    let mut column = SourceColumn::new(name, kind).with_header(from);
    if let Some(it) = at.get("format") {
        column.format = value_format(&it, kind, faults)?;
    }
    if let Some(it) = at.get("required") {
        column.is_required = it.flag(faults)?;
    }
    Some(column)
}

/// Reads the type of a column.
pub(super) fn kind(at: &At<'_>, faults: &mut Faults<'_>) -> Option<ColumnKind> {
    let raw = at.text(faults)?;
    let kind = ColumnKind::parse(&raw);
    if kind.is_none() {
        at.fault(faults, format!("`{raw}` is no type: write {}", ColumnKind::FORMS));
    }
    kind
}

/// Reads how values are written.
pub(super) fn value_format(
    at: &At<'_>,
    kind: ColumnKind,
    faults: &mut Faults<'_>,
) -> Option<ValueFormat> {
    let raw = at.text(faults)?;
    ValueFormat::parse(kind, &raw).map_err(|text| at.fault(faults, text)).ok()
}
