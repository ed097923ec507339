//! The rows an org begins with: an invented law firm, laid out up to the present day.

mod many;

use std::fmt;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use crate::ids::RecordId;
use crate::org::{Org, Row, Text, Value};
use crate::schema::{FieldKind, ObjectType, position};
use crate::settings::{Seed, Settings};

/// The firm: lines of JSON, a heading with the columns of an object and then its rows.
///
/// Instants are seconds before the anchor; references are row numbers of the object they point to.
const FIRM: &[u8] = include_bytes!("../data/seed.jsonl.gz");

/// Why a seed was not laid out.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The embedded file does not unpack.
    #[error("the seed does not unpack")]
    Packed(#[source] std::io::Error),
    /// A line is not understood.
    #[error("line {line} of the seed is not understood")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A heading names what the schema does not have.
    #[error("the seed has no place in the schema: `{name}`")]
    Unknown {
        /// Object or field.
        name: String,
    },
}

/// A heading of the file.
#[derive(Deserialize)]
struct Heading {
    object: String,
    columns: Vec<String>,
}

/// A value of the file.
enum Cell {
    Number(i64),
    Text(Text),
    Null,
}

// Written by hand: a derived untagged enum takes three times as long in a dev build.
impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl Visitor<'_> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, a text or null")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
        Ok(Cell::Number(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.into()))
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }
}

/// Lays out the rows; returns the ids of the organization and of its user.
pub(crate) fn load(
    org: &mut Org,
    settings: &Settings,
    anchor: i64,
) -> Result<(RecordId, RecordId), SeedError> {
    let ids = users(org, settings, anchor)?;
    match settings.seed {
        Seed::Firm => firm(org, anchor, ids.1)?,
        Seed::Empty => {}
        Seed::Many { accounts, contacts, cases } => {
            let counts = many::Counts { accounts, contacts, cases };
            many::load(org, &counts, settings.random_seed, anchor)?;
        }
    }
    Ok(ids)
}

fn object(org: &Org, name: &str) -> Result<Arc<ObjectType>, SeedError> {
    let known = org.schema().object(name).cloned();
    known.ok_or_else(|| SeedError::Unknown { name: name.to_owned() })
}

/// Names of the firm's lawyers, who own its cases.
const LAWYERS: &[(&str, &str)] = &[
    ("Priya", "Natarajan"),
    ("Thomas", "Okafor"),
    ("Elena", "Vasquez"),
    ("Daniel", "Whitcomb"),
    ("Mei", "Tanaka"),
    ("Robert", "Lindqvist"),
];

/// Returns one of the firm's lawyers, who follow the admin among the users.
fn lawyer(n: u64) -> RecordId {
    RecordId::new(*b"005", 2 + n)
}

fn users(
    org: &mut Org,
    settings: &Settings,
    anchor: i64,
) -> Result<(RecordId, RecordId), SeedError> {
    let (users, organization) = (object(org, "User")?, object(org, "Organization")?);
    let admin = RecordId::new(users.prefix, 1);
    let people = std::iter::once(("Sandbox", "Admin")).chain(LAWYERS.iter().copied());
    for (idx, (first, last)) in people.enumerate() {
        let id = org.next_id("User").unwrap_or(admin);
        let mut row = org.blank(&users, id, admin);
        let username = if idx == 0 {
            settings.username.clone()
        } else {
            format!("{}.{}@sandbox.example", first.to_lowercase(), last.to_lowercase())
        };
        stamp(&mut row, admin, anchor - 900 * 86_400, anchor - 900 * 86_400);
        for (name, text) in [
            ("FirstName", first),
            ("LastName", last),
            ("Username", username.as_str()),
            ("Email", username.as_str()),
            ("Alias", last.get(..5).unwrap_or(last)),
            ("UserType", "Standard"),
            ("TimeZoneSidKey", "GMT"),
            ("LocaleSidKey", "en_US"),
        ] {
            put(&users, &mut row, name, text);
        }
        org.complete(&users, &mut row, anchor);
        let _ = org.load("User", row);
    }
    let id = RecordId::new(organization.prefix, 1);
    let mut row = org.blank(&organization, id, admin);
    stamp(&mut row, admin, anchor - 900 * 86_400, anchor - 900 * 86_400);
    for (name, text) in [
        ("Name", "Sandbox"),
        ("Country", "US"),
        ("OrganizationType", "Developer Edition"),
        ("InstanceName", "SBX1"),
        ("TimeZoneSidKey", "GMT"),
    ] {
        put(&organization, &mut row, name, text);
    }
    if let Some(place) = organization.place("IsSandbox") {
        row.set(place, Value::Bool(true));
    }
    let _ = org.load("Organization", row);
    Ok((id, admin))
}

fn put(object: &ObjectType, row: &mut Row, name: &str, text: &str) {
    if let Some(place) = object.place(name) {
        row.set(place, Value::Text(text.into()));
    }
}

fn stamp(row: &mut Row, user: RecordId, created: i64, changed: i64) {
    row.set(position::CREATED_DATE, Value::Instant(created));
    row.set(position::CREATED_BY, Value::Id(user));
    row.set(position::MODIFIED_DATE, Value::Instant(changed));
    row.set(position::MODIFIED_BY, Value::Id(user));
    row.set(position::MODSTAMP, Value::Instant(changed));
}

/// Where a column of the seed goes.
struct Column {
    place: usize,
    kind: FieldKind,
    target: Option<[u8; 3]>,
}

fn columns(org: &Org, object: &ObjectType, names: &[String]) -> Result<Vec<Column>, SeedError> {
    names
        .iter()
        .map(|name| {
            let (place, field) =
                object.field(name).ok_or_else(|| SeedError::Unknown { name: name.clone() })?;
            let target = org.schema().target(field).map(|object| object.prefix);
            Ok(Column { place, kind: field.kind, target })
        })
        .collect()
}

fn firm(org: &mut Org, anchor: i64, admin: RecordId) -> Result<(), SeedError> {
    let mut text = BufReader::new(GzDecoder::new(FIRM));
    let mut current: Option<(Arc<ObjectType>, Vec<Column>)> = None;
    let mut buffer = String::new();
    let mut number = 0;
    loop {
        buffer.clear();
        if text.read_line(&mut buffer).map_err(SeedError::Packed)? == 0 {
            return Ok(());
        }
        number += 1;
        let refused = |source| SeedError::Line { line: number, source };
        if buffer.starts_with('{') {
            let heading: Heading = serde_json::from_str(&buffer).map_err(refused)?;
            let object = object(org, &heading.object)?;
            let columns = columns(org, &object, &heading.columns)?;
            current = Some((object, columns));
        } else if let Some((object, columns)) = &current {
            let cells: Vec<Cell> = serde_json::from_str(&buffer).map_err(refused)?;
            let row = row(org, object, columns, cells, anchor, admin);
            let _ = org.load(&object.name, row);
        }
    }
}

fn row(
    org: &mut Org,
    object: &Arc<ObjectType>,
    columns: &[Column],
    cells: Vec<Cell>,
    anchor: i64,
    admin: RecordId,
) -> Row {
    let id = org.next_id(&object.name).unwrap_or(admin);
    let mut row = org.blank(object, id, admin);
    for (column, cell) in columns.iter().zip(cells) {
        let value = match (cell, column.target) {
            (Cell::Null, _) => Value::Null,
            (Cell::Text(text), _) => Value::Text(text),
            (Cell::Number(n), Some(prefix)) => Value::Id(RecordId::new(prefix, n.unsigned_abs())),
            (Cell::Number(n), None) if column.kind == FieldKind::DateTime => {
                Value::Instant(anchor - n)
            }
            #[expect(clippy::cast_precision_loss, reason = "amounts far below 2^52")]
            (Cell::Number(n), None) => Value::Number(n as f64),
        };
        row.set(column.place, value);
    }
    let created = row.get(position::CREATED_DATE).as_instant().unwrap_or(anchor);
    let changed = row.get(position::MODIFIED_DATE).as_instant().unwrap_or(created);
    stamp(&mut row, admin, created, changed);
    org.complete(object, &mut row, changed);
    row
}
