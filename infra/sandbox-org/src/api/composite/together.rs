//! `POST /composite`: requests in order, later ones with values of earlier ones.

use serde_json::{Map, Value as Json, json};

use super::super::call::Call;
use super::super::reply::{ApiError, Reply};
use super::part::{
    Part, ROLLED_BACK, Reach, body_json, check_names, halted, limit, name, named, take_parts,
};
use super::reference::fill;
use crate::sandbox::State;
use crate::transaction::{Rows, Transaction};

/// Most requests in one. Source: REST API guide, composite.
const MAX_PARTS: usize = 25;
/// Most of them that are queries or collections. Source: REST API guide, composite.
const MAX_SEVERAL: usize = 5;

/// Answers the parts in order; with `allOrNone` a failure takes back all of them.
///
/// `collateSubrequests` lets the platform answer parts in bulk; that changes no answer, so it is taken and
/// does nothing.
pub(in crate::api) fn composite(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut body = call.fields()?;
    let all_or_none = flag(&body, "allOrNone")?;
    flag(&body, "collateSubrequests")?;
    let parts = take_parts(&mut body, "compositeRequest", MAX_PARTS)?;
    check_names(&parts)?;
    let reaches: Vec<Reach> = parts.iter().map(|part| Part::read(part, "body").reach()).collect();
    if reaches.iter().filter(|reach| **reach == Reach::Several).count() > MAX_SEVERAL {
        let message =
            format!("The number of queries and collections must be at most {MAX_SEVERAL}");
        return Err(limit(message));
    }
    let answers =
        if all_or_none { whole(state, call, &parts) } else { run(state, call, &parts, None).0 };
    Ok(Reply::json(200, &json!({"compositeResponse": answers})))
}

fn flag(body: &Map<String, Json>, key: &str) -> Result<bool, ApiError> {
    match body.get(key) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(yes)) => Ok(*yes),
        Some(_) => {
            Err(ApiError::new(400, "JSON_PARSER_ERROR", format!("`{key}` must be true or false")))
        }
    }
}

/// Answers all parts in one transaction.
fn whole(state: &State, call: &Call<'_>, parts: &[Json]) -> Vec<Json> {
    let transaction = Transaction::begin(state, &call.author);
    let (answers, failed) = run(state, call, parts, Some(&transaction));
    let Some(failed) = failed else {
        transaction.commit();
        return answers;
    };
    transaction.roll_back();
    let at_fault = answers.into_iter().nth(failed);
    let others = parts.iter().map(|part| named(&halted(ROLLED_BACK), &name(part)));
    others
        .enumerate()
        .map(|(idx, other)| at_fault.clone().filter(|_| idx == failed).unwrap_or(other))
        .collect()
}

/// Answers parts in order; inside a transaction up to the first failure, whose place is returned.
fn run(
    state: &State,
    call: &Call<'_>,
    parts: &[Json],
    within: Option<&dyn Rows>,
) -> (Vec<Json>, Option<usize>) {
    let mut answers = Vec::new();
    let mut known = Map::new();
    for (idx, part) in parts.iter().enumerate() {
        let reply = match fill(part, &known) {
            Ok(filled) => answer(state, call, Part::read(&filled, "body"), within),
            Err(message) => halted(&message),
        };
        answers.push(named(&reply, &name(part)));
        if reply.status >= 400 && within.is_some() {
            return (answers, Some(idx));
        }
        // Answers to what failed are lists of errors, in which no reference finds a value.
        known.insert(name(part), body_json(&reply));
    }
    (answers, None)
}

fn answer(state: &State, call: &Call<'_>, part: Part, within: Option<&dyn Rows>) -> Reply {
    if part.reach() == Reach::Other {
        let message = "Only sobjects, queries and sObject collections are supported here";
        return ApiError::new(400, "OPERATION_NOT_ALLOWED", message).into_reply();
    }
    part.answer(state, call, within)
}
