//! `GET /_sandbox/digest`: a sum over rows that another system can compute over its own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Bound;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::Uri;
use axum::response::Response;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::api::{ApiError, Call, Reply};
use crate::canonical;
use crate::ids::RecordId;
use crate::org::Row;
use crate::sandbox::State;
use crate::schema::FieldKind;
use crate::server::respond;

/// What is summed up.
struct Wish {
    connection: String,
    object: String,
    /// Places of the fields by name, in the order of the names.
    fields: BTreeMap<String, usize>,
    from: Bound<RecordId>,
    until: Bound<RecordId>,
    with_deleted: bool,
}

/// The number of rows and the sum of their hashes modulo 2^256, big endian.
#[derive(Debug, Default, PartialEq, Eq)]
struct Digest {
    n_records: u64,
    sum: [u8; 32],
}

impl Digest {
    /// Adds one row as its canonical line.
    fn add(&mut self, line: &[u8]) {
        let mut carry = 0_u16;
        for (total, byte) in self.sum.iter_mut().zip(Sha256::digest(line)).rev() {
            let [high, low] = (u16::from(*total) + u16::from(byte) + carry).to_be_bytes();
            *total = low;
            carry = u16::from(high);
        }
        self.n_records += 1;
    }

    fn reply(&self) -> Reply {
        let sum = self.sum.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Reply::json(200, &json!({"n_records": self.n_records, "sum": sum}))
    }
}

/// `GET /_sandbox/digest?connection=main&object=Case&fields=A,B[&from_id=][&to_id=][&deleted=true]`
///
/// Ids reach from `from_id` up to but without `to_id`; rows in the recycle bin count only with
/// `deleted=true`.
pub(crate) async fn digest(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    let wish = match read(&state, uri.query().unwrap_or_default()) {
        Ok(wish) => wish,
        Err(refusal) => return respond(refusal.into_reply()),
    };
    let rows = rows(&state, &wish);
    // A million wide rows take seconds, in which the org must go on answering.
    match tokio::task::spawn_blocking(move || sum_up(&wish, &rows)).await {
        Ok(digest) => respond(digest.reply()),
        Err(error) => {
            respond(ApiError::new(500, "UNKNOWN_EXCEPTION", error.to_string()).into_reply())
        }
    }
}

fn read(state: &State, query: &str) -> Result<Wish, ApiError> {
    let params = Call::split_query(query);
    let given =
        |name: &str| {
            params.get(name).map(String::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
                ApiError::new(400, "MISSING_ARGUMENT", format!("`{name}` is missing"))
            })
        };
    let named = given("object")?;
    let object = state.schema().object(named).ok_or_else(|| {
        ApiError::new(400, "INVALID_TYPE", format!("sObject type '{named}' is not supported."))
    })?;
    let fields = given("fields")?
        .split(',')
        .map(|name| {
            let found = object.field(name.trim());
            let found = found.filter(|(_, field)| field.kind != FieldKind::Address);
            let (place, field) = found.ok_or_else(|| {
                let message = format!("No such column '{name}' on sobject of type {}", object.name);
                ApiError::new(400, "INVALID_FIELD", message)
            })?;
            Ok((field.name.clone(), place))
        })
        .collect::<Result<_, ApiError>>()?;
    let id = |name: &str| match params.get(name) {
        Some(text) => RecordId::parse(text).map(Some).ok_or_else(|| {
            ApiError::new(400, "MALFORMED_ID", format!("`{name}` is no id: {text}"))
        }),
        None => Ok(None),
    };
    Ok(Wish {
        connection: given("connection")?.to_owned(),
        object: object.name.clone(),
        fields,
        from: id("from_id")?.map_or(Bound::Unbounded, Bound::Included),
        until: id("to_id")?.map_or(Bound::Unbounded, Bound::Excluded),
        with_deleted: params.get("deleted").is_some_and(|value| value == "true"),
    })
}

/// Takes the rows as they are now.
fn rows(state: &State, wish: &Wish) -> Vec<Row> {
    let org = state.org();
    let all = org.table(&wish.object).into_iter();
    all.flat_map(|table| table.rows_between(wish.from, wish.until))
        .filter(|row| wish.with_deleted || !row.is_deleted())
        .cloned()
        .collect()
}

fn sum_up(wish: &Wish, rows: &[Row]) -> Digest {
    let mut digest = Digest::default();
    let head = json!([wish.connection, wish.object]).to_string();
    let head = head.trim_end_matches(']');
    let mut text = Vec::new();
    for row in rows {
        text.clear();
        line(&mut text, head, row, &wish.fields);
        digest.add(&text);
    }
    digest
}

/// Writes `["main","Case","500…",false,{"A":1}]`: fields by name, those without a value left out.
fn line(into: &mut Vec<u8>, head: &str, row: &Row, fields: &BTreeMap<String, usize>) {
    into.extend_from_slice(head.as_bytes());
    into.extend_from_slice(b",\"");
    into.extend_from_slice(&row.id.bytes());
    into.extend_from_slice(if row.is_deleted() { b"\",true,{" } else { b"\",false,{" });
    let mut is_first = true;
    for (name, place) in fields {
        let before = into.len();
        if !is_first {
            into.push(b',');
        }
        into.push(b'"');
        into.extend_from_slice(name.as_bytes());
        into.extend_from_slice(b"\":");
        if canonical::write(row.get(*place), into) {
            is_first = false;
        } else {
            into.truncate(before);
        }
    }
    into.extend_from_slice(b"}]");
}
