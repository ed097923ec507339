//! `json_text(custom, 'rating')`: a value out of a column that holds a JSON object.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::{Map, Value};

/// Takes a value out of an object: text as it is, all else as JSON writes it, nothing where it is not.
#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonText {
    signature: Signature,
}

/// Makes the function.
pub(super) fn json_text() -> ScalarUDF {
    let text = vec![DataType::Utf8View, DataType::Utf8View];
    ScalarUDF::new_from_impl(JsonText { signature: Signature::exact(text, Volatility::Immutable) })
}

impl ScalarUDFImpl for JsonText {
    fn name(&self) -> &'static str {
        "json_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _of: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let mut found = StringViewBuilder::with_capacity(args.number_rows);
        if let [objects, names] = arrays.as_slice() {
            let (objects, names) = (objects.as_string_view(), names.as_string_view());
            for row in 0..objects.len() {
                let is_given = !objects.is_null(row) && !names.is_null(row);
                let value = is_given.then(|| value(objects.value(row), names.value(row)));
                found.append_option(value.flatten());
            }
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

fn value(object: &str, name: &str) -> Option<String> {
    let mut object: Map<String, Value> = serde_json::from_str(object).ok()?;
    match object.remove(name)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn value_is_taken_as_text() {
        let object = r#"{"rating": 1.25, "city": "Köln \"C\"", "none": null}"#;
        assert_eq!(value(object, "rating").as_deref(), Some("1.25"));
        assert_eq!(value(object, "city").as_deref(), Some("Köln \"C\""));
        assert_eq!(value(object, "none"), None);
        assert_eq!(value(object, "other"), None);
        assert_eq!(value("[1", "0"), None);
    }
}
