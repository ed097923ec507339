//! A decoded value.

/// A value as its schema reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An `int` or a `long`.
    Int(i64),
    /// A `float` or a `double`.
    Float(f64),
    /// Text, or the name of an `enum`'s symbol.
    Text(String),
    /// `bytes` or `fixed`.
    Bytes(Vec<u8>),
    /// An `array`; of a `map` the values alone.
    List(Vec<Value>),
    /// A `record`: its number in the schema, and its fields in their order.
    Record(usize, Vec<Value>),
}

impl Value {
    /// Returns the text, when it is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the whole number, when it is one.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}
