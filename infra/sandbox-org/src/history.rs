//! `GET /_sandbox/history`: every commit with what it changed, for whoever checks that nothing was lost.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use serde_json::json;

use crate::api::{ApiError, Call};
use crate::calendar::push_instant;
use crate::canonical;
use crate::org::{Commit, Entry, EntryKind, Value};
use crate::sandbox::State;
use crate::schema::{FieldKind, ObjectType, Schema};
use crate::server::respond;

/// All commits since the start by number, each as the line it is told by; they are kept only when
/// [`Settings::keeps_history`](crate::Settings::keeps_history) says so.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<BTreeMap<i64, Bytes>>);

impl History {
    /// Keeps a commit. To be called in the order of commits.
    pub(crate) fn keep(&self, schema: &Schema, commit: &Commit) {
        let line = line(schema, commit);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(commit.number, line.into());
    }

    /// Returns at most `limit` commits that came after the one with this number, in order.
    fn after(&self, number: i64, limit: usize) -> Vec<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.range(number.saturating_add(1)..).take(limit).map(|(_, line)| line.clone()).collect()
    }
}

/// `GET /_sandbox/history?after=N&limit=M`: JSON, one commit a line, in the order of commits.
pub(crate) async fn history(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    if !state.settings.keeps_history {
        let message = "this org keeps no history: start it with `Settings::keeps_history`";
        return respond(ApiError::new(409, "FUNCTIONALITY_NOT_ENABLED", message).into_reply());
    }
    let params = Call::split_query(uri.query().unwrap_or_default());
    let after = number(&params, "after", i64::MIN);
    let limit = number(&params, "limit", usize::MAX);
    let (after, limit) = match (after, limit) {
        (Ok(after), Ok(limit)) => (after, limit),
        (Err(refusal), _) | (_, Err(refusal)) => return respond(refusal.into_reply()),
    };
    let lines = state.history.after(after, limit).into_iter().map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(futures_util::stream::iter(lines)));
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn number<T: std::str::FromStr>(
    params: &std::collections::HashMap<String, String>,
    name: &str,
    otherwise: T,
) -> Result<T, ApiError> {
    let Some(text) = params.get(name) else { return Ok(otherwise) };
    text.parse().map_err(|_| {
        ApiError::new(400, "INVALID_ARGUMENT", format!("`{name}` is no number: {text}"))
    })
}

/// Writes a commit as one line.
fn line(schema: &Schema, commit: &Commit) -> Vec<u8> {
    let head = json!({
        "number": commit.number, "at_ms": commit.at_ms, "user": commit.author.user.to_string(),
        "client": commit.author.client, "origin": commit.author.origin(),
    });
    let mut line = head.to_string().into_bytes();
    line.pop();
    line.extend_from_slice(b",\"entries\":[");
    for (idx, entry) in commit.entries.iter().enumerate() {
        if idx > 0 {
            line.push(b',');
        }
        if let Some(object) = schema.object(&entry.object) {
            write_entry(&mut line, object, entry, commit.at_ms);
        }
    }
    line.extend_from_slice(b"]}\n");
    line
}

fn write_entry(line: &mut Vec<u8>, object: &ObjectType, entry: &Entry, at_ms: i64) {
    let kind = match entry.kind {
        EntryKind::Create => "create",
        EntryKind::Update => "update",
        EntryKind::Delete => "delete",
        EntryKind::Undelete => "undelete",
        EntryKind::Erase => "erase",
    };
    let is_gone = entry.kind == EntryKind::Erase;
    let stamp = if is_gone { at_ms.div_euclid(1000) } else { entry.after.modstamp() };
    let head = format!(
        r#"{{"object":"{}","id":"{}","kind":"{kind}","stamp":""#,
        object.name, entry.after.id
    );
    line.extend_from_slice(head.as_bytes());
    push_instant(line, stamp);
    line.extend_from_slice(b"\",\"changes\":{");
    let mut is_first = true;
    for (place, field) in object.fields.iter().enumerate() {
        let before = entry.before.as_ref().map_or(&Value::Null, |row| row.get(place));
        let after = if is_gone { &Value::Null } else { entry.after.get(place) };
        if before == after || field.kind == FieldKind::Address {
            continue;
        }
        if !is_first {
            line.push(b',');
        }
        is_first = false;
        line.extend_from_slice(format!(r#""{}":{{"before":"#, field.name).as_bytes());
        write_value(line, before);
        line.extend_from_slice(b",\"after\":");
        write_value(line, after);
        line.push(b'}');
    }
    line.extend_from_slice(b"}}");
}

fn write_value(line: &mut Vec<u8>, value: &Value) {
    if !canonical::write(value, line) {
        line.extend_from_slice(b"null");
    }
}
