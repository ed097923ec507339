//! Finds what a path means.

use axum::http::Method;

use super::call::Call;
use super::reply::{ApiError, Reply};
use super::{collections, composite, meta, query, records, replication};
use crate::sandbox::State;

/// Oldest version that is answered. Source: API end of life, versions up to 30.0 are retired.
const OLDEST_VERSION: u32 = 31;
/// Newest version that is answered.
pub(super) const NEWEST_VERSION: u32 = 68;

/// Answers a call.
pub(crate) fn dispatch(state: &State, call: &Call) -> Reply {
    answer(state, call).unwrap_or_else(ApiError::into_reply)
}

fn answer(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let number: Option<u32> = call
        .version
        .strip_prefix('v')
        .and_then(|version| version.strip_suffix(".0"))
        .and_then(|version| version.parse().ok());
    match number {
        Some(number) if number > NEWEST_VERSION => return Err(ApiError::not_found()),
        Some(number) if number < OLDEST_VERSION => {
            let message = "The requested API version is no longer supported";
            return Err(ApiError::new(410, "UNSUPPORTED_API_VERSION", message));
        }
        Some(_) => {}
        None => return Err(ApiError::not_found()),
    }
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        [] => Ok(meta::resources(&call.version)),
        ["limits"] => Ok(meta::limits(state)),
        ["limits", "recordCount"] => meta::record_count(state, call),
        ["query"] => only_get(call).and_then(|()| query::query(state, call, false)),
        ["queryAll"] => only_get(call).and_then(|()| query::query(state, call, true)),
        ["query" | "queryAll", locator] => query::more(state, call, locator),
        ["sobjects"] => only_get(call).map(|()| meta::global(state, call)),
        ["sobjects", rest @ ..] => sobjects(state, call, rest),
        ["composite", rest @ ..] => composite_call(state, call, rest),
        _ => Err(ApiError::not_found()),
    }
}

fn only_get(call: &Call) -> Result<(), ApiError> {
    if call.method == Method::GET {
        Ok(())
    } else {
        Err(ApiError::wrong_method(&call.method, "HEAD,GET"))
    }
}

fn sobjects(state: &State, call: &Call, segments: &[&str]) -> Result<Reply, ApiError> {
    match (call.method.as_str(), segments) {
        ("GET" | "HEAD", [object]) => meta::object(state, call, object),
        ("GET" | "HEAD", [object, "describe"]) => meta::describe(state, call, object),
        ("GET", [object, "updated"]) => replication::updated(state, call, object),
        ("GET", [object, "deleted"]) => replication::deleted(state, call, object),
        ("POST", [object]) => records::create(state, call, object),
        ("GET" | "HEAD", [object, id]) => records::read(state, call, object, id),
        ("PATCH", [object, id]) => records::update(state, call, object, id),
        ("DELETE", [object, id]) => records::delete(state, call, object, id),
        ("GET" | "HEAD", [object, key, value]) => {
            records::read_by_key(state, call, object, key, value)
        }
        ("PATCH", [object, key, value]) => records::upsert(state, call, object, key, value),
        ("DELETE", [object, key, value]) => records::delete_by_key(state, call, object, key, value),
        (_, [_]) => Err(ApiError::wrong_method(&call.method, "HEAD,GET,POST")),
        (_, [_, _] | [_, _, _]) => {
            Err(ApiError::wrong_method(&call.method, "HEAD,GET,PATCH,DELETE"))
        }
        _ => Err(ApiError::not_found()),
    }
}

fn composite_call(state: &State, call: &Call, segments: &[&str]) -> Result<Reply, ApiError> {
    match (call.method.as_str(), segments) {
        ("POST", []) => composite::composite(state, call),
        ("POST", ["batch"]) => composite::batch(state, call),
        ("POST", ["graph"]) => composite::graph(state, call),
        ("POST", ["sobjects"]) => collections::create(state, call),
        ("PATCH", ["sobjects"]) => collections::update(state, call),
        ("DELETE", ["sobjects"]) => collections::delete(state, call),
        ("GET" | "POST", ["sobjects", object]) => collections::read(state, call, object),
        ("PATCH", ["sobjects", object, key]) => collections::upsert(state, call, object, key),
        _ => Err(ApiError::not_found()),
    }
}
