//! Reads what a request to change a row carries.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH};
use serde_json::{Map, Value};
use shared::ids::EntityId;
use shared::model::{FieldValue, Fields};

use crate::body::read_object;
use crate::problem::{Fault, Problem};
use crate::query::shorten;

/// The longest body taken, in bytes: room for the longest texts that platforms take.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The most fields one request may change.
const MAX_FIELDS: usize = 200;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const FORM: &str = "`{\"status\": \"Discovery\"}`: values by our field names";

/// Reads the fields that a body gives.
///
/// # Errors
///
/// [`Problem`] when it is no object, empty, or a value is a list or an object.
pub(super) async fn read_fields(request: Request) -> Result<Fields, Problem> {
    let members = read_object(request, MAX_BODY_BYTES, FORM).await?;
    if members.is_empty() || members.len() > MAX_FIELDS {
        let message = format!("it holds no field, or more than {MAX_FIELDS}: send {FORM}");
        return Err(Problem::invalid(vec![Fault::new("body", message)]));
    }
    let (mut fields, mut faults) = (Fields::new(), Vec::new());
    for (name, value) in members {
        match serde_json::from_value::<FieldValue>(value) {
            Ok(value) => drop(fields.insert(name, value)),
            Err(_) => {
                let message = "it is a list or an object: send text, a number, true, false or null";
                faults.push(Fault::new(shorten(&name), message));
            }
        }
    }
    if faults.is_empty() { Ok(fields) } else { Err(Problem::unprocessable(faults)) }
}

/// Reads the row that another is merged into.
///
/// # Errors
///
/// [`Problem`] when the body names none.
pub(super) async fn read_into(request: Request) -> Result<String, Problem> {
    const FORM: &str = "`{\"into\": \"3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529\"}`";
    let members: Map<String, Value> = read_object(request, MAX_BODY_BYTES, FORM).await?;
    let mut faults = Vec::new();
    crate::body::refuse_unknown(&members, &["into"], FORM, &mut faults);
    let into = members.get("into").and_then(Value::as_str).map(ToOwned::to_owned);
    if into.is_none() {
        faults.push(Fault::new("into", "it is needed: the id of the row that stays"));
    }
    match into {
        Some(into) if faults.is_empty() => Ok(into),
        _ => Err(Problem::invalid(faults)),
    }
}

/// Reads which revision the caller saw: the entity tag in `If-Match`.
///
/// # Errors
///
/// [`Problem`] when it is no tag that this API gave.
pub(super) fn read_if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(given) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    match number.and_then(|it| it.parse().ok()) {
        Some(revision) => Ok(Some(revision)),
        None => {
            let message =
                "it is not the one `ETag` of an answer about this row: copy it with its quotes";
            Err(Problem::invalid(vec![Fault::new("If-Match", message)]))
        }
    }
}

/// Reads the id that a new row gets: of the caller's key, so that asking twice makes one row.
///
/// # Errors
///
/// [`Problem`] when the key has another form.
pub(super) fn read_new_id(
    headers: &HeaderMap,
    actor: &str,
    bits: u128,
) -> Result<EntityId, Problem> {
    let Some(given) = headers.get(IDEMPOTENCY_KEY) else { return Ok(EntityId::from_random(bits)) };
    match given.to_str().ok().filter(|it| (1..=255).contains(&it.len())) {
        Some(key) => Ok(EntityId::of_request(actor, key)),
        None => {
            let message = "it is not 1 to 255 visible ASCII characters";
            Err(Problem::invalid(vec![Fault::new("Idempotency-Key", message)]))
        }
    }
}
