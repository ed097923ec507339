//! Reads the values that the Azure Functions host sends.
//!
//! The host writes a text as a JSON string that holds JSON-encoded text, so a body of JSON arrives
//! encoded up to three times; samples in its documentation show it encoded once, and numbers bare.
//! Both are taken. Source: azure-functions-host, `ScriptInvocationContextExtensions`.

use serde_json::{Map, Value};

/// How often a value is unwrapped at most.
const MAX_LEVELS: usize = 3;

/// Returns the text that was sent: `value`, unwrapped while it is a JSON string inside another.
///
/// The innermost text keeps its bytes; a value that is no string is written out as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    let Value::String(outer) = value else { return value.to_string() };
    let mut text = outer.clone();
    for _ in 1..MAX_LEVELS {
        match serde_json::from_str::<String>(&text) {
            Ok(inner) => text = inner,
            Err(_) => break,
        }
    }
    text
}

/// Returns the JSON value behind `value`, unwrapped while it is a JSON string.
pub(crate) fn value_of(value: &Value) -> Value {
    let text = text_of(value);
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Returns the first of `names` that `metadata` has, as text.
pub(crate) fn metadata_text(metadata: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|name| metadata.get(*name))
        .find(|value| !value.is_null())
        .map(text_of)
        .filter(|text| !text.is_empty() && text != "null")
}

/// Returns the first of `names` that `metadata` has as a whole number, bare or as text.
pub(crate) fn metadata_number(metadata: &Map<String, Value>, names: &[&str]) -> Option<u32> {
    metadata_text(metadata, names)?.parse().ok()
}

/// Returns the elements of the first of `names` that `metadata` has as a list.
pub(crate) fn metadata_list(metadata: &Map<String, Value>, names: &[&str]) -> Option<Vec<Value>> {
    names.iter().find_map(|name| match value_of(metadata.get(*name)?) {
        Value::Array(items) => Some(items),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_text_is_unwrapped_from_one_and_two_levels() {
        assert_eq!(text_of(&json!("hello")), "hello");
        assert_eq!(text_of(&json!("\"hello\"")), "hello");
    }

    #[test]
    fn json_body_is_the_same_after_one_two_and_three_levels() {
        let body = r#"{"a":1, "b":"x\"y"}"#;
        let twice = serde_json::to_string(body).unwrap();
        let thrice = serde_json::to_string(&twice).unwrap();
        for encoded in [body, &twice, &thrice] {
            assert_eq!(text_of(&json!(encoded)), body);
        }
    }

    #[test]
    fn fourth_level_is_left_alone() {
        let mut text = "x".to_owned();
        for _ in 0..3 {
            text = serde_json::to_string(&text).unwrap();
        }
        assert_eq!(text_of(&json!(text)), "\"x\"");
    }

    #[test]
    fn text_that_looks_like_a_number_keeps_its_form() {
        assert_eq!(text_of(&json!("007")), "007");
        assert_eq!(text_of(&json!("\"1.50\"")), "1.50");
    }

    #[test]
    fn object_is_written_out() {
        assert_eq!(text_of(&json!({"a": 1})), r#"{"a":1}"#);
    }

    #[test]
    fn numbers_in_metadata_are_read_bare_and_as_text() {
        for value in [json!(3), json!("3"), json!("\"3\"")] {
            let metadata = json!({"DequeueCount": value});
            let metadata = metadata.as_object().unwrap();
            assert_eq!(metadata_number(metadata, &["DeliveryCount", "DequeueCount"]), Some(3));
        }
    }

    #[test]
    fn ids_in_metadata_lose_their_inner_quotes() {
        let metadata = json!({"Id": "\"800ae4b3\"", "SessionId": null, "Label": "null"});
        let metadata = metadata.as_object().unwrap();
        assert_eq!(metadata_text(metadata, &["MessageId", "Id"]).as_deref(), Some("800ae4b3"));
        assert_eq!(metadata_text(metadata, &["SessionId"]), None);
        assert_eq!(metadata_text(metadata, &["Label"]), None);
    }

    #[test]
    fn list_is_read_as_such_and_from_text() {
        for value in [json!(["a", "b"]), json!("[\"a\",\"b\"]")] {
            let metadata = json!({"MessageIdArray": value});
            let list = metadata_list(metadata.as_object().unwrap(), &["MessageIdArray"]);
            assert_eq!(list, Some(vec![json!("a"), json!("b")]));
        }
    }
}
