//! References from one part to the answer of another: `@{name.path}`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// Puts earlier answers in the place of references.
///
/// # Errors
/// What the platform says about the first reference that has no value.
pub(super) fn fill(part: &Json, known: &Map<String, Json>) -> Result<Json, String> {
    match part {
        Json::String(text) => fill_text(text, known),
        Json::Array(all) => all.iter().map(|one| fill(one, known)).collect(),
        Json::Object(all) => all
            .iter()
            .map(|(key, value)| Ok((key.clone(), fill(value, known)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Json::Object),
        other => Ok(other.clone()),
    }
}

/// A reference: the name of the part it means, and the way to the value in its answer.
fn split(reference: &str) -> (&str, String) {
    let (name, path) = match reference.find(['.', '[']) {
        Some(at) => reference.split_at(at),
        None => (reference, ""),
    };
    let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
    (name, steps.map(|step| format!("/{step}")).collect())
}

fn fill_text(text: &str, known: &Map<String, Json>) -> Result<Json, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        filled.push_str(before);
        let (name, pointer) = split(reference);
        match known.get(name).and_then(|body| body.pointer(&pointer)) {
            Some(Json::String(value)) => filled.push_str(value),
            Some(Json::Null) | None => {
                return Err(format!(
                    "Invalid reference specified. No value for {reference} found in {name}"
                ));
            }
            Some(other) => filled.push_str(&other.to_string()),
        }
        rest = behind;
    }
    filled.push_str(rest);
    Ok(Json::String(filled))
}

/// Returns the names of the parts that `part` refers to.
pub(super) fn names(part: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(part, &mut found);
    found
}

fn collect(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::String(text) => {
            let references = text.split("@{").skip(1).filter_map(|rest| rest.split_once('}'));
            found.extend(references.map(|(reference, _)| split(reference).0.to_owned()));
        }
        Json::Array(all) => all.iter().for_each(|one| collect(one, found)),
        Json::Object(all) => all.values().for_each(|one| collect(one, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_follow_objects_and_lists() {
        let known: Map<String, Json> =
            serde_json::from_value(json!({"q": {"records": [{"Id": "001"}], "totalSize": 1}}))
                .unwrap();
        let part = json!({"url": "/sobjects/Account/@{q.records[0].Id}?n=@{q.totalSize}"});

        let filled = fill(&part, &known).unwrap();

        assert_eq!(filled, json!({"url": "/sobjects/Account/001?n=1"}));
        assert_eq!(names(&part), BTreeSet::from(["q".to_owned()]));
    }

    #[test]
    fn reference_without_a_value_is_named() {
        let known = Map::from_iter([("x".to_owned(), json!({"records": []}))]);

        let refused = fill(&json!("@{x.records[0].Id}"), &known).unwrap_err();

        let message = "Invalid reference specified. No value for x.records[0].Id found in x";
        assert_eq!(refused, message);
    }
}
