//! `/tooling`: what set-up asks and makes, one thing at a time. Source: Tooling API guide.

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::catalog::{catalog, field_id, field_of};
use super::custom_field;
use super::deploy::wish;
use crate::api::{ApiError, Call, Reply};
use crate::ids::RecordId;
use crate::org::RecordError;
use crate::sandbox::State;
use crate::schema::Alteration;
use crate::soql::{Answer, Plan};

/// Objects that set-up can make.
const MADE: [&str; 3] = ["PlatformEventChannel", "PlatformEventChannelMember", "CustomField"];

/// Answers what lies below `/tooling`.
pub(crate) fn tooling(
    state: &State,
    call: &Call<'_>,
    segments: &[&str],
) -> Result<Reply, ApiError> {
    match (&call.method, segments) {
        (&Method::GET, ["query"]) => query(state, call),
        (_, ["query"]) => Err(ApiError::wrong_method(&call.method, "HEAD,GET")),
        (&Method::GET, ["sobjects"]) => global(state, call),
        (&Method::GET, ["sobjects", object, "describe"]) => describe(state, call, object),
        (&Method::POST, ["sobjects", object]) if MADE.contains(object) => {
            create(state, call, object)
        }
        (&Method::GET, ["sobjects", object, id]) if MADE.contains(object) => {
            read(state, call, object, id)
        }
        (&Method::PATCH, ["sobjects", object, id]) if MADE.contains(object) => {
            update(state, call, object, id)
        }
        (&Method::DELETE, ["sobjects", object, id]) if MADE.contains(object) => {
            delete(state, object, id)
        }
        _ => Err(ApiError::not_found()),
    }
}

fn known(state: &State) -> Result<crate::org::Org, ApiError> {
    catalog(state).map_err(|error| ApiError::new(500, "UNKNOWN_EXCEPTION", error.to_string()))
}

fn version(call: &Call<'_>) -> String {
    format!("{}/tooling", call.version)
}

fn query(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let soql = call.params.get("q").ok_or_else(|| {
        ApiError::new(400, "MALFORMED_QUERY", "A query string has to be specified")
    })?;
    let org = known(state)?;
    let plan = Plan::new(&org, soql, false, state.clock().now_ms().div_euclid(1000))?;
    let (n, rows) = match plan.run(&org) {
        Answer::Count(n) => (n, String::new()),
        Answer::Groups(groups) => (groups.len(), groups.join(",")),
        Answer::Rows(found) => {
            let version = version(call);
            let rows = found.ids.iter().map(|id| {
                let mut row = String::new();
                plan.write_row(&org, *id, &version, &mut row);
                row
            });
            (found.ids.len(), rows.collect::<Vec<_>>().join(","))
        }
    };
    let head = format!(r#""size":{n},"totalSize":{n},"done":true,"queryLocator":null"#);
    Ok(Reply::text(200, format!(r#"{{{head},"entityTypeName":null,"records":[{rows}]}}"#)))
}

fn global(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let org = known(state)?;
    let version = version(call);
    let all: Vec<Json> = org.schema().objects().map(|object| object.summary(&version)).collect();
    Ok(Reply::json(200, &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all})))
}

fn describe(state: &State, call: &Call<'_>, object: &str) -> Result<Reply, ApiError> {
    let org = known(state)?;
    let object = org.schema().object(object).ok_or_else(ApiError::not_found)?;
    Ok(Reply::json(200, &object.describe(&version(call))))
}

/// A thing to be made or changed, as the caller says it.
struct Wish {
    full_name: String,
    metadata: Json,
}

fn read_wish(call: &Call<'_>) -> Result<Wish, ApiError> {
    let body = call.fields()?;
    let full_name = body.get("FullName").and_then(Json::as_str).unwrap_or_default().to_owned();
    let metadata = body.get("Metadata").cloned().unwrap_or_else(|| json!({}));
    Ok(Wish { full_name, metadata })
}

fn label(wish: &Wish) -> String {
    wish.metadata.get("label").and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn create(state: &State, call: &Call<'_>, object: &str) -> Result<Reply, ApiError> {
    let asked = read_wish(call)?;
    if asked.full_name.is_empty() {
        let refusal =
            RecordError::new("REQUIRED_FIELD_MISSING", "Required field is missing: FullName");
        return Err(refusal.with_field("FullName").into());
    }
    let id = match object {
        "PlatformEventChannel" => state.channels.add(&asked.full_name, &label(&asked))?,
        "PlatformEventChannelMember" => {
            state.channels.select(&state.schema(), wish(&asked.full_name, &asked.metadata))?
        }
        _ => {
            let alteration = custom_field::new_field(&asked.full_name, &asked.metadata)?;
            let object = alter(state, &alteration)?;
            let name = asked.full_name.split_once('.').map_or("", |(_, field)| field);
            let place = object.place(name);
            let id = place.and_then(|place| field_id(&state.schema(), &object.name, place));
            id.ok_or_else(ApiError::not_found)?
        }
    };
    let body =
        json!({"id": id.to_string(), "success": true, "errors": [], "warnings": [], "infos": []});
    Ok(Reply::json(201, &body))
}

fn alter(
    state: &State,
    alteration: &Alteration,
) -> Result<std::sync::Arc<crate::schema::ObjectType>, ApiError> {
    state.alter(alteration).map_err(|error| custom_field::refusal(&error).into())
}

fn parse(id: &str) -> Result<RecordId, ApiError> {
    RecordId::parse(id).ok_or_else(ApiError::not_found)
}

fn read(state: &State, call: &Call<'_>, object: &str, id: &str) -> Result<Reply, ApiError> {
    let id = parse(id)?;
    let (full_name, metadata) = match object {
        "PlatformEventChannel" => {
            let all = state.channels.channels();
            let channel = all.into_iter().find(|it| it.id == id).ok_or_else(ApiError::not_found)?;
            (channel.full_name, json!({"channelType": "data", "label": channel.label}))
        }
        "PlatformEventChannelMember" => {
            let all = state.channels.members();
            let member = all.into_iter().find(|it| it.id == id).ok_or_else(ApiError::not_found)?;
            let enriched: Vec<Json> =
                member.enriched.iter().map(|name| json!({"name": name})).collect();
            let filter = member.filter.as_ref().map(|filter| filter.text().to_owned());
            let metadata = json!({"eventChannel": member.channel, "selectedEntity": member.entity(),
                                  "filterExpression": filter, "enrichedFields": enriched});
            (member.full_name, metadata)
        }
        _ => {
            let (object, field) = field_of(&state.schema(), id).ok_or_else(ApiError::not_found)?;
            let metadata = json!({
                "type": custom_field::metadata_type(&field), "label": field.label(),
                "length": field.length, "required": !field.nillable, "unique": field.unique,
                "externalId": field.external_id,
            });
            (format!("{}.{}", object.name, field.name), metadata)
        }
    };
    let url = format!("/services/data/{}/sobjects/{object}/{id}", version(call));
    let body = json!({"attributes": {"type": object, "url": url}, "Id": id.to_string(),
                      "FullName": full_name, "Metadata": metadata});
    Ok(Reply::json(200, &body))
}

fn update(state: &State, call: &Call<'_>, object: &str, id: &str) -> Result<Reply, ApiError> {
    let id = parse(id)?;
    let asked = read_wish(call)?;
    match object {
        "PlatformEventChannel" => state.channels.relabel(id, &label(&asked))?,
        "PlatformEventChannelMember" => {
            let wish = wish(&asked.full_name, &asked.metadata);
            state.channels.reselect(&state.schema(), id, &wish)?;
        }
        _ => {
            let (object, field) = field_of(&state.schema(), id).ok_or_else(ApiError::not_found)?;
            let full_name = format!("{}.{}", object.name, field.name);
            alter(state, &custom_field::changed_field(&full_name, &asked.metadata)?)?;
        }
    }
    Ok(Reply::empty(204))
}

fn delete(state: &State, object: &str, id: &str) -> Result<Reply, ApiError> {
    let id = parse(id)?;
    if object == "CustomField" {
        let (object, field) = field_of(&state.schema(), id).ok_or_else(ApiError::not_found)?;
        let (object, field) = (object.name.clone(), field.name);
        alter(state, &Alteration::Remove { object, field })?;
    } else if !state.channels.remove(id) {
        return Err(ApiError::not_found());
    }
    Ok(Reply::empty(204))
}
