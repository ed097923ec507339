//! A file that keeps the changes over a restart: one commit a line.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::ids::RecordId;
use crate::org::{
    Commit, Entry, EntryKind, Org, Row, Value, instant_text, parse_date, parse_instant,
};
use crate::schema::{Alteration, FieldKind, ObjectType, Schema};

/// Lines above which the file is written anew at start, the last state of each row only.
const MAX_LINES: usize = 5_000;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file was not opened, read or written.
    #[error("journal `{path}` was not opened, read or written", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the machine says.
        source: std::io::Error,
    },
    /// A line is not understood.
    #[error("line {line} of journal `{path}` is not understood", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// First line: the day the seed was laid out from, so that its dates stay where they are.
#[derive(Serialize, Deserialize)]
struct Head {
    anchor: i64,
}

/// One changed row.
#[derive(Serialize, Deserialize)]
struct Saved {
    object: String,
    fields: Map<String, Json>,
    /// When it was gone for good, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased: Option<i64>,
}

/// A change of the schema.
#[derive(Serialize, Deserialize)]
struct Altered {
    alter: Alteration,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    anchor: i64,
}

impl Journal {
    /// Opens the file, or makes it with `now` as its anchor.
    pub(crate) fn open(path: &Path, now: i64) -> Result<Self, JournalError> {
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut first = String::new();
        BufReader::new(&file).read_line(&mut first).map_err(failed)?;
        let anchor =
            if first.is_empty() {
                let head = Json::from_iter([("anchor".to_owned(), Json::from(now))]);
                writeln!(file, "{head}").map_err(failed)?;
                now
            } else {
                let read: Head = serde_json::from_str(&first).map_err(|source| {
                    JournalError::Line { path: path.to_owned(), line: 1, source }
                })?;
                read.anchor
            };
        Ok(Self { path: path.to_owned(), file, anchor })
    }

    /// Returns the instant that the seed was laid out from, in seconds.
    pub(crate) fn anchor(&self) -> i64 {
        self.anchor
    }

    /// Keeps a commit.
    pub(crate) fn append(&mut self, schema: &Schema, commit: &Commit) -> std::io::Result<()> {
        let rows: Vec<Saved> = commit
            .entries
            .iter()
            .filter_map(|entry| Some(saved(schema.object(&entry.object)?, entry)))
            .collect();
        let mut line = serde_json::to_vec(&rows).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Keeps a change of the schema.
    pub(crate) fn append_alteration(&mut self, alteration: &Alteration) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(&Altered { alter: alteration.clone() })
            .map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Puts the kept rows over those of the seed.
    pub(crate) fn replay(&mut self, org: &mut Org) -> Result<(), JournalError> {
        let failed = |source| JournalError::File { path: self.path.clone(), source };
        let reader = BufReader::new(File::open(&self.path).map_err(failed)?);
        let mut n_lines = 0;
        let mut alterations = Vec::new();
        let mut last: BTreeMap<RecordId, Saved> = BTreeMap::new();
        for (idx, line) in reader.lines().enumerate().skip(1) {
            let line = line.map_err(failed)?;
            let read = if line.starts_with('{') {
                serde_json::from_str(&line).map(|altered| (Some(altered), Vec::new()))
            } else {
                serde_json::from_str(&line).map(|rows| (None, rows))
            };
            let (altered, rows): (Option<Altered>, Vec<Saved>) = match read {
                Ok(read) => read,
                // A line without its end was being written when the machine stopped.
                Err(error) if error.is_eof() => {
                    tracing::warn!("line {} of the journal is cut off and left out", idx + 1);
                    n_lines = usize::MAX;
                    break;
                }
                Err(source) => {
                    return Err(JournalError::Line {
                        path: self.path.clone(),
                        line: idx + 1,
                        source,
                    });
                }
            };
            n_lines += 1;
            if let Some(Altered { alter }) = altered {
                // It was taken once; on another schema it may have nothing to change.
                if let Err(error) = org.alter(&alter) {
                    tracing::warn!(error = %error, "line {} of the journal changes nothing", idx + 1);
                }
                alterations.push(Altered { alter });
            }
            for row in rows {
                let id = row.fields.get("Id").and_then(Json::as_str).and_then(RecordId::parse);
                if let Some(id) = id {
                    last.insert(id, row);
                }
            }
        }
        for (id, saved) in &last {
            let Some(object) = org.schema().object(&saved.object).cloned() else { continue };
            match saved.erased {
                Some(at) => org.unload(&object.name, *id, at),
                None => drop(org.load(&object.name, restored(&object, *id, &saved.fields))),
            }
        }
        if n_lines > MAX_LINES {
            self.rewrite(&alterations, last.into_values())
                .map_err(|source| JournalError::File { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    fn rewrite(
        &mut self,
        alterations: &[Altered],
        rows: impl Iterator<Item = Saved>,
    ) -> std::io::Result<()> {
        let fresh = self.path.with_extension("compacting");
        let mut writer = BufWriter::new(File::create(&fresh)?);
        serde_json::to_writer(&mut writer, &Head { anchor: self.anchor })?;
        writer.write_all(b"\n")?;
        for alteration in alterations {
            serde_json::to_writer(&mut writer, alteration)?;
            writer.write_all(b"\n")?;
        }
        for row in rows {
            serde_json::to_writer(&mut writer, &[row])?;
            writer.write_all(b"\n")?;
        }
        writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

fn saved(object: &ObjectType, entry: &Entry) -> Saved {
    let row = &entry.after;
    if entry.kind == EntryKind::Erase {
        let fields = Map::from_iter([("Id".to_owned(), Json::from(row.id.to_string()))]);
        return Saved { object: object.name.clone(), fields, erased: Some(row.modstamp()) };
    }
    let fields = object
        .fields
        .iter()
        .enumerate()
        .filter(|(position, _)| !row.get(*position).is_null())
        .map(|(position, field)| {
            let json = match row.get(position) {
                Value::Instant(at) => Json::String(instant_text(*at, "Z")),
                value => value.to_json(field.kind),
            };
            (field.name.clone(), json)
        })
        .collect();
    Saved { object: object.name.clone(), fields, erased: None }
}

fn restored(object: &ObjectType, id: RecordId, fields: &Map<String, Json>) -> Row {
    let mut row = Row::new(id, object.fields.len());
    for (name, json) in fields {
        let found = object.place(name).and_then(|at| Some((at, object.fields.get(at)?)));
        let Some((position, field)) = found else { continue };
        let value = match (field.kind, json) {
            (_, Json::Bool(yes)) => Value::Bool(*yes),
            (_, Json::Number(number)) => number.as_f64().map_or(Value::Null, Value::Number),
            (FieldKind::DateTime, Json::String(text)) => {
                parse_instant(text).map_or(Value::Null, Value::Instant)
            }
            (FieldKind::Date, Json::String(text)) => {
                parse_date(text).map_or(Value::Null, Value::Date)
            }
            (FieldKind::Id | FieldKind::Reference, Json::String(text)) => {
                RecordId::parse(text).map_or(Value::Null, Value::Id)
            }
            (_, Json::String(text)) => Value::Text(text.as_str().into()),
            _ => Value::Null,
        };
        row.set(position, value);
    }
    row
}
