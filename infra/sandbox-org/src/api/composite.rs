//! Several requests in one.

use axum::http::Method;
use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::dispatch::dispatch;
use super::reply::{ApiError, Reply};
use crate::sandbox::State;

/// Most requests in one. Source: REST API guide, composite.
const MAX_PARTS: usize = 25;

/// Reads the parts of a request.
fn parts(body: &mut Map<String, Json>, key: &str) -> Result<Vec<Json>, ApiError> {
    match body.remove(key) {
        Some(Json::Array(parts)) if (1..=MAX_PARTS).contains(&parts.len()) => Ok(parts),
        Some(Json::Array(_)) => {
            let message = format!("Maximum number of subrequests is {MAX_PARTS}");
            Err(ApiError::new(400, "LIMIT_EXCEEDED", message))
        }
        _ => Err(ApiError::new(400, "JSON_PARSER_ERROR", format!("`{key}` is missing"))),
    }
}

/// Makes the call that a part means.
fn part_call(call: &Call, method: &str, url: &str, body: Option<&Json>) -> Call {
    let url = url.trim_start_matches('/');
    let url = url.strip_prefix("services/data/").unwrap_or(url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (version, segments) = Call::split_path(path);
    Call {
        method: Method::from_bytes(method.as_bytes()).unwrap_or_default(),
        version,
        segments,
        params: Call::split_query(query),
        body: body.map(|json| json.to_string().into_bytes()).unwrap_or_default(),
        author: call.author.clone(),
        batch_size: call.batch_size,
        unmodified_since: None,
        modified_since: None,
    }
}

fn text<'a>(part: &'a Json, key: &str) -> &'a str {
    part.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn body_json(reply: &Reply) -> Json {
    reply.body.as_ref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Json::Null)
}

/// `POST /composite/batch`
pub(super) fn batch(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let mut body = call.fields()?;
    let halt = body.get("haltOnError").and_then(Json::as_bool).unwrap_or(false);
    let mut has_errors = false;
    let mut results = Vec::new();
    for part in parts(&mut body, "batchRequests")? {
        if halt && has_errors {
            results.push(
                json!({"statusCode": 412, "result": [{"errorCode": "BATCH_PROCESSING_HALTED",
                "message": "Batch processing halted per request"}]}),
            );
            continue;
        }
        let inner =
            part_call(call, text(&part, "method"), text(&part, "url"), part.get("richInput"));
        let reply = dispatch(state, &inner);
        has_errors |= reply.status >= 400;
        results.push(json!({"statusCode": reply.status, "result": body_json(&reply)}));
    }
    Ok(Reply::json(200, &json!({"hasErrors": has_errors, "results": results})))
}

/// `POST /composite`; with `allOrNone` what stood before a failure is kept, which the README tells.
pub(super) fn composite(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let mut body = call.fields()?;
    let all_or_none = body.get("allOrNone").and_then(Json::as_bool).unwrap_or(false);
    let mut answers: Vec<Json> = Vec::new();
    let mut known: Map<String, Json> = Map::new();
    let mut failed = false;
    for part in parts(&mut body, "compositeRequest")? {
        let name = text(&part, "referenceId").to_owned();
        if failed && all_or_none {
            answers.push(answer(&halted("The transaction was rolled back since another operation in the same transaction failed."), &name));
            continue;
        }
        let reply = match fill(&part, &known) {
            Ok(part) => dispatch(
                state,
                &part_call(call, text(&part, "method"), text(&part, "url"), part.get("body")),
            ),
            Err(reference) => halted(&format!(
                "Invalid reference specified. No value for {reference} found in {}",
                reference.split(['.', '[']).next().unwrap_or_default()
            )),
        };
        failed |= reply.status >= 400;
        known.insert(name.clone(), body_json(&reply));
        answers.push(answer(&reply, &name));
    }
    Ok(Reply::json(200, &json!({"compositeResponse": answers})))
}

fn halted(message: &str) -> Reply {
    ApiError::new(400, "PROCESSING_HALTED", message).into_reply()
}

fn answer(reply: &Reply, name: &str) -> Json {
    let mut headers = Map::new();
    for (key, value) in &reply.headers {
        if *key == "location" {
            headers.insert("Location".into(), json!(value));
        }
    }
    json!({"body": body_json(reply), "httpHeaders": headers, "httpStatusCode": reply.status,
           "referenceId": name})
}

/// Puts earlier answers in the place of `@{name.path}`; an error names the reference that has no value.
fn fill(part: &Json, known: &Map<String, Json>) -> Result<Json, String> {
    match part {
        Json::String(text) => fill_text(text, known).map(Json::String),
        Json::Array(all) => all.iter().map(|one| fill(one, known)).collect(),
        Json::Object(all) => all
            .iter()
            .map(|(key, value)| Ok((key.clone(), fill(value, known)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Json::Object),
        other => Ok(other.clone()),
    }
}

fn fill_text(text: &str, known: &Map<String, Json>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        filled.push_str(before);
        let (name, path) = reference.split_once(['.', '[']).unwrap_or((reference, ""));
        let pointer: String = path
            .split(['.', '[', ']'])
            .filter(|step| !step.is_empty())
            .map(|step| format!("/{step}"))
            .collect();
        match known.get(name).and_then(|body| body.pointer(&pointer)) {
            Some(Json::String(value)) => filled.push_str(value),
            Some(Json::Null) | None => return Err(reference.to_owned()),
            Some(other) => filled.push_str(&other.to_string()),
        }
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}
