//! Loads: the `COPY INTO` that is sent, and what its answers say of each file.
//! Source: Snowflake, "COPY INTO <table>".

use std::collections::BTreeSet;

use shared::ports::warehouse::{
    BadRows, FileFault, FileOutcome, Load, LoadReport, LoadedFile, StagedFile, StatementHandle,
    WarehouseValue,
};

use crate::answer::{Ended, RawRow};
use crate::fault::without_values;
use crate::settings::{FileFormat, SnowflakeSettings};
use crate::sql;

/// An answer of a load that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableLoad {
    #[error("the answer to `COPY INTO` has no column `{column}`, or a value there that is none")]
    Column { column: &'static str },
    #[error("the answer to `COPY INTO` names `{file}`, which was not to be loaded")]
    Stranger { file: String },
}

/// A load that cannot be sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitLoad {
    #[error("the connection has no `stage`: name the one that files lie in")]
    NoStage,
    #[error(
        "the answer could not tell `{file}` from `{other}`: load them one after the other, or name them apart"
    )]
    Alike { file: String, other: String },
}

/// Writes the statement.
pub(crate) fn statement(load: &Load, settings: &SnowflakeSettings) -> Result<String, UnfitLoad> {
    let stage = settings.stage.as_ref().ok_or(UnfitLoad::NoStage)?;
    if let Some((file, other)) = alike(load) {
        return Err(UnfitLoad::Alike { file, other });
    }
    let files = load.files().iter().map(|it| sql::text(it.key.as_str()));
    let format = match settings.file_format {
        // Else instants are numbers whose unit is guessed.
        FileFormat::Parquet => "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE",
        FileFormat::Csv => {
            "TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"' \
             ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE"
        }
    };
    let on_error = match load.bad_rows {
        BadRows::FailLoad => "ABORT_STATEMENT",
        BadRows::LoadRest => "CONTINUE",
    };
    Ok(format!(
        "COPY INTO {table} FROM @{database}.{schema}.{stage} FILES = ({files}) \
         FILE_FORMAT = ({format}) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = {on_error}",
        table = sql::table(load.target()),
        database = sql::quoted(&settings.database),
        schema = sql::quoted(&settings.schema),
        stage = sql::quoted(stage),
        files = files.collect::<Vec<_>>().join(", "),
    ))
}

/// What the answer says of one file.
struct FileRow {
    file: String,
    outcome: FileOutcome,
}

/// Reads what became of each file. A file that the answer does not name was loaded before: that is
/// how a statement that found nothing new answers.
pub(crate) fn report(load: &Load, ended: &Ended) -> Result<LoadReport, UnreadableLoad> {
    let rows = match ended.place("file") {
        Some(_) => {
            ended.data.iter().map(|it| file_row(ended, it)).collect::<Result<Vec<_>, _>>()?
        }
        // One row, one column: "Copy executed with 0 files processed."
        None if ended.place("status").is_some() => Vec::new(),
        None => return Err(UnreadableLoad::Column { column: "file" }),
    };
    let is_asked =
        |row: &FileRow| load.files().iter().any(|it| is_same(&row.file, it.key.as_str()));
    if let Some(stranger) = rows.iter().find(|it| !is_asked(it)) {
        return Err(UnreadableLoad::Stranger { file: stranger.file.clone() });
    }
    let outcome_of = |file: &StagedFile| {
        let row = rows.iter().find(|it| is_same(&it.file, file.key.as_str()));
        row.map_or(FileOutcome::AlreadyLoaded, |it| it.outcome.clone())
    };
    let files = load.files().iter();
    let files = files.map(|it| LoadedFile { key: it.key.clone(), outcome: outcome_of(it) });
    Ok(LoadReport { files: files.collect() })
}

/// A file of an external stage is named by its whole address.
fn is_same(named: &str, key: &str) -> bool {
    named.strip_suffix(key).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Finds a file whose key is the end of another's: the address of the other could be either.
fn alike(load: &Load) -> Option<(String, String)> {
    let keys: BTreeSet<&str> = load.files().iter().map(|it| it.key.as_str()).collect();
    let ends = |key: &'_ str| {
        let cuts = key.match_indices('/').map(|(idx, _)| idx + 1).collect::<Vec<_>>();
        cuts.into_iter()
            .filter_map(|it| key.get(it..))
            .find(|it| keys.contains(it))
            .map(str::to_owned)
    };
    keys.iter().find_map(|key| ends(key).map(|other| ((*key).to_owned(), other)))
}

fn file_row(ended: &Ended, row: &RawRow) -> Result<FileRow, UnreadableLoad> {
    let cell = |column: &str| ended.place(column).and_then(|idx| row.get(idx)?.as_deref());
    let number = |column: &'static str| {
        let read = cell(column).and_then(|it| it.parse::<u64>().ok());
        read.ok_or(UnreadableLoad::Column { column })
    };
    let file = cell("file").ok_or(UnreadableLoad::Column { column: "file" })?.to_owned();
    let fault = || FileFault {
        file: file.clone(),
        n_errors: number("errors_seen").unwrap_or(1),
        first_error: without_values(cell("first_error").unwrap_or("no reason was given")),
        line: number("first_error_line").ok(),
        row: None,
        column: cell("first_error_column_name").map(column_name),
    };
    let outcome = match cell("status").map(str::to_ascii_uppercase).as_deref() {
        Some("LOADED") => FileOutcome::Loaded { n_rows: number("rows_loaded")? },
        Some("PARTIALLY_LOADED") => {
            FileOutcome::Partial { n_rows: number("rows_loaded")?, fault: fault() }
        }
        Some("LOAD_FAILED") => FileOutcome::Failed { fault: fault() },
        Some("LOAD_SKIPPED") if is_loaded_before(cell("first_error")) => FileOutcome::AlreadyLoaded,
        Some("LOAD_SKIPPED") => FileOutcome::Failed { fault: fault() },
        _ => return Err(UnreadableLoad::Column { column: "status" }),
    };
    Ok(FileRow { file, outcome })
}

fn is_loaded_before(first_error: Option<&str>) -> bool {
    first_error.is_some_and(|it| it.to_ascii_lowercase().contains("loaded before"))
}

/// Takes the name out of `"TABLE"["COLUMN":2]`.
fn column_name(raw: &str) -> String {
    if let Some((_, rest)) = raw.split_once("[\"")
        && let Some((name, _)) = rest.rsplit_once("\":")
    {
        return name.to_owned();
    }
    // A column that the table does not have is known by its number: `"TABLE"[102]`.
    match raw.rsplit_once('[') {
        Some((_, number)) => number.trim_end_matches(']').to_owned(),
        None => raw.trim_matches('"').to_owned(),
    }
}

/// Asks for the rows that the load of `handle` left out.
/// Source: Snowflake, "VALIDATE", which tells nothing of a load that stops at its first bad row.
pub(crate) fn rejected(load: &Load, handle: &StatementHandle, limit: u32) -> String {
    format!(
        "SELECT FILE, LINE, ROW_NUMBER, COLUMN_NAME, ERROR FROM TABLE(VALIDATE({table}, JOB_ID => {handle})) \
         ORDER BY FILE, ROW_NUMBER LIMIT {limit}",
        table = sql::table(load.target()),
        handle = sql::text(handle.as_str()),
    )
}

/// Reads one row of the answer to [`rejected`].
pub(crate) fn rejected_row(row: &[WarehouseValue]) -> Option<FileFault> {
    let [file, line, number, column, error] = row else { return None };
    let count = |it: &WarehouseValue| it.as_i64().and_then(|it| u64::try_from(it).ok());
    Some(FileFault {
        file: file.as_text()?.to_owned(),
        n_errors: 1,
        first_error: without_values(error.as_text().unwrap_or("no reason was given")),
        // Files without lines have the line 0.
        line: count(line).filter(|it| *it > 0),
        row: count(number),
        column: column.as_text().map(column_name),
    })
}

/// Reads where the bad row is, out of the message of a load that failed as a whole:
/// `…  File 'f.csv', line 3, character 5  Row 2, column "T"["AMOUNT":2] …`.
pub(crate) fn fault_in(message: &str) -> Option<FileFault> {
    let (reason, rest) = message.rsplit_once("File '")?;
    let (file, place) = rest.split_once("', line ").or_else(|| rest.split_once('\''))?;
    let number_after = |text: &str, before: &str| {
        let after = text.split_once(before).map_or("", |(_, after)| after);
        after.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let line = place.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let column = place.split_once("column ").map(|(_, after)| after).map(|after| {
        let until = after.find(']').map_or(after.len(), |idx| idx + 1);
        column_name(after.get(..until).unwrap_or(after).trim())
    });
    Some(FileFault {
        file: file.to_owned(),
        n_errors: 1,
        first_error: without_values(reason.trim()),
        line,
        row: number_after(place, "Row "),
        column,
    })
}

#[cfg(test)]
mod tests;
