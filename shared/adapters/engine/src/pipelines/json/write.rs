//! Rows as objects of JSON, one a line.

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use serde_json::Value;

use crate::pipelines::text::text_of;

/// Writes the rows of `batch`, each with all of its columns. Numbers are written with every digit.
///
/// # Errors
///
/// What JSON has no form for.
pub(in crate::pipelines) fn json_lines(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let schema = batch.schema();
    let names: Vec<String> =
        schema.fields().iter().map(|it| Value::from(it.name().as_str()).to_string()).collect();
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (place, (name, column)) in names.iter().zip(batch.columns()).enumerate() {
            text.push(if place == 0 { '{' } else { ',' });
            text.push_str(name);
            text.push(':');
            match (text_of(column, row), column.data_type()) {
                (None, _) => text.push_str("null"),
                (Some(it), DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..)) => {
                    text.push_str(&Value::from(it).to_string());
                }
                (Some(it), DataType::Float64) if matches!(&*it, "inf" | "-inf" | "NaN") => {
                    return Err(format!(
                        "column {name} holds `{it}`, which JSON has no number for: give it no value, \
                         or write Parquet"
                    ));
                }
                (Some(it), _) => text.push_str(&it),
            }
        }
        text.push_str("}\n");
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, StringArray};

    use super::*;

    fn batch(values: Vec<Option<f64>>) -> RecordBatch {
        let fee = Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(9, 2);
        let columns: [(&str, ArrayRef); 4] = [
            ("a \"b\"", Arc::new(StringArray::from(vec![Some("x\n\"y\""), None]))),
            ("fee", Arc::new(fee.unwrap())),
            ("open", Arc::new(BooleanArray::from(vec![true, false]))),
            ("n", Arc::new(Float64Array::from(values))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn row_is_an_object_with_every_column() {
        let lines = json_lines(&batch(vec![Some(0.1), Some(-2.0)])).unwrap();
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            "{\"a \\\"b\\\"\":\"x\\n\\\"y\\\"\",\"fee\":1.50,\"open\":true,\"n\":0.1}\n\
             {\"a \\\"b\\\"\":null,\"fee\":null,\"open\":false,\"n\":-2}\n"
        );
        let error = json_lines(&batch(vec![None, Some(f64::INFINITY)])).unwrap_err();
        assert!(error.contains("`inf`"), "{error}");
    }
}
