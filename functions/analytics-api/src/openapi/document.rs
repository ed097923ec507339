//! The document: collected from the routes, completed, rendered once.

use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use axum::response::Response;
use serde_json::{Map, Value, json};
use shared::ports::ChangeRow;
use tracing::error;
use utoipa::OpenApi;

use crate::access::SCHEME;
use crate::api;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};
use crate::router::{OLD_PREFIX, PREFIX, documented_routes, old_routes};

/// What the routes do not say of themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "MoodBridge analytics API",
        description = "Reads the case store of MoodBridge: figures, cases, the audit log, connections, queues and live changes. \
            Every answer that is not a success is a problem after RFC 9457, and names each fault with its fix. \
            Unknown parameters are refused. \
            Every operation but this document and `/api/health` asks for a bearer token; `x-permission` names the permission that one of the person's roles must give. \
            Cases that a person is screened from are in no answer."
    ),
    components(schemas(ChangeRow, Problem)),
    tags(
        (name = "overview", description = "The first page"),
        (name = "metrics", description = "What is measured, how it changes, and where it is going"),
        (name = "queries", description = "Named queries over the lake, and their answers"),
        (name = "cases", description = "Find cases, read one"),
        (name = "documents", description = "Documents of cases: file them, read them"),
        (name = "rows", description = "Change, make, delete, restore and merge cases, contacts and accounts"),
        (name = "sync", description = "Conflicts, what waits to be sent, and how well both sides agree"),
        (name = "access", description = "Who may do what, and who is screened from which case"),
        (name = "audit", description = "Who changed what, when and why"),
        (name = "integrations", description = "The connections and how well they work"),
        (name = "pipelines", description = "Pipelines, their runs, and asking for runs"),
        (name = "reports", description = "Reports: ask for one, list them, read them"),
        (name = "costs", description = "What calls to platforms cost"),
        (name = "settings", description = "The settings, their history, and changes to them"),
        (name = "queues", description = "Queues and dead letters"),
        (name = "changes", description = "What is committed, live"),
        (name = "moodbridge", description = "What an existing MoodBridge answers, in its old shape"),
        (name = "api", description = "This document")
    )
)]
struct Base;

/// An answer of each operation by its id.
const EXAMPLES: &str = include_str!("examples.json");

struct Rendered {
    body: String,
    etag: HeaderValue,
}

static RENDERED: LazyLock<Rendered> = LazyLock::new(|| {
    let body = document().to_string();
    let etag = format!("\"{:016x}\"", digest(body.as_bytes()));
    Rendered { body, etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("")) }
});

/// Returns this document.
#[utoipa::path(get, path = "/openapi.json", tag = "api",
    responses((status = 200, description = "The document", body = Value), Problems))]
pub(crate) async fn get_openapi(
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let Rendered { body, etag } = &*RENDERED;
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|given| given == etag);
    let mut response = api::json(if is_known { "" } else { body.as_str() });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response.headers_mut().insert(ETAG, etag.clone());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Collects the document from the routes.
pub(crate) fn document() -> Value {
    let ((routes, doors), (old, old_doors)) = (documented_routes(), old_routes());
    let doors = doors.and(old_doors);
    let documented =
        Base::openapi().nest(PREFIX, routes.into_openapi()).nest(OLD_PREFIX, old.into_openapi());
    let mut document = serde_json::to_value(&documented).unwrap_or_else(|failed| {
        error!(error = %shared::chain(&failed), "the OpenAPI document could not be rendered");
        Value::Null
    });
    require_members(&mut document);
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), security_schemes());
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            doors.annotate(path, method, operation);
            forbid_null_parameters(operation);
            add_example(operation, &examples);
        }
    }
    document
}

fn security_schemes() -> Value {
    json!({ SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the firm's issuer (RFC 6750), in the header `Authorization` alone",
    }})
}

/// Members that may be left out: the faults of a problem, decisions, which nearly no change has, and the
/// figure of a rule, which only rules of all rows have.
const MAY_BE_ABSENT: [&str; 3] = ["errors", "decisions", "found"];

/// Says of each schema that all its members are always there: an absent value is null.
fn require_members(document: &mut Value) {
    for schema in members(document, "/components/schemas") {
        let inner = schema.pointer_mut("/allOf").and_then(Value::as_array_mut);
        match inner {
            Some(parts) => parts.iter_mut().for_each(require_members_of),
            None => require_members_of(schema),
        }
    }
}

fn require_members_of(schema: &mut Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let may_be_absent = |name: &&String| MAY_BE_ABSENT.contains(&name.as_str());
    let names: Vec<_> = properties.keys().filter(|it| !may_be_absent(it)).cloned().collect();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("required".to_owned(), names.into());
    }
}

/// A parameter that may be left out is still never null.
fn forbid_null_parameters(operation: &mut Value) {
    let parameters = operation.pointer_mut("/parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let Some(schema) = parameter.get_mut("schema") else { continue };
        if let Some(types) = schema.get_mut("type")
            && let Some(kept) = types.as_array().and_then(|it| it.iter().find(|it| **it != "null"))
        {
            *types = kept.clone();
        }
        let forms = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        if let Some(forms) = forms {
            forms.retain(|form| form.get("type").is_none_or(|it| it != "null"));
            if let [only] = forms.as_slice() {
                *schema = only.clone();
            }
        }
    }
}

fn add_example(operation: &mut Value, examples: &Map<String, Value>) {
    let id = operation.get("operationId").and_then(Value::as_str);
    let Some(example) = id.and_then(|id| examples.get(id)) else { return };
    let contents = operation.pointer_mut("/responses/200/content").and_then(Value::as_object_mut);
    for content in contents.into_iter().flat_map(Map::values_mut) {
        if let Some(content) = content.as_object_mut() {
            content.insert("example".to_owned(), example.clone());
        }
    }
}

fn members<'a>(document: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let object = document.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.into_iter().flat_map(Map::values_mut)
}

/// Digests the document for its entity tag (FNV-1a, 64 bits).
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
