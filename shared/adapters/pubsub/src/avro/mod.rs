//! What is needed of Avro: schemas as JSON, and values in the binary encoding.
//!
//! Our own, because bytes come from outside: every length is checked against what is left, nesting
//! and the number of values are bounded, and an error names a place and never a value.
//! Source: Apache Avro 1.12 specification, "Schema Declaration" and "Binary encoding".

mod decode;
mod schema;
mod value;

pub(crate) use decode::Reader;
pub(crate) use schema::{Field, Record, Schema, Type};
pub(crate) use value::Value;
