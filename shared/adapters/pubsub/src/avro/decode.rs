//! Values, read from bytes that nobody vouches for.

use super::schema::{Schema, Type};
use super::value::Value;

/// Deeper nesting is refused: a record may hold itself.
const MAX_DEPTH: usize = 32;

/// Values beside those that take a byte each: a list of nothings takes no bytes however long it is.
const FREE_VALUES: usize = 4096;

/// Why bytes are not a value of their schema. No part of the value is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("it ends too early, at byte {at}")]
    TooShort { at: usize },
    #[error("byte {at} is not what its schema says: {what}")]
    Malformed { at: usize, what: &'static str },
    #[error("it holds more than its length allows, at byte {at}")]
    TooLarge { at: usize },
}

/// Reads values one after another.
pub(crate) struct Reader<'a> {
    schema: &'a Schema,
    bytes: &'a [u8],
    at: usize,
    n_values_left: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` by `schema`.
    pub(crate) fn new(schema: &'a Schema, bytes: &'a [u8]) -> Self {
        let n_values_left = bytes.len().saturating_add(FREE_VALUES);
        Self { schema, bytes, at: 0, n_values_left }
    }

    /// Tells whether everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads a value of type `kind`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are none.
    pub(crate) fn value(&mut self, kind: &Type) -> Result<Value, DecodeError> {
        self.nested(kind, 0)
    }

    fn nested(&mut self, kind: &Type, depth: usize) -> Result<Value, DecodeError> {
        self.n_values_left = match self.n_values_left.checked_sub(1) {
            Some(left) if depth <= MAX_DEPTH => left,
            _ => return Err(DecodeError::TooLarge { at: self.at }),
        };
        match kind {
            Type::Null => Ok(Value::Null),
            Type::Bool => match self.take(1)? {
                [0] => Ok(Value::Bool(false)),
                [1] => Ok(Value::Bool(true)),
                _ => Err(self.malformed("neither true nor false")),
            },
            Type::Int => self.long().map(Value::Int),
            Type::Float => {
                let bytes = self.array::<4>()?;
                Ok(Value::Float(f64::from(f32::from_le_bytes(bytes))))
            }
            Type::Double => Ok(Value::Float(f64::from_le_bytes(self.array::<8>()?))),
            Type::Bytes => {
                let n = self.length()?;
                self.take(n).map(|it| Value::Bytes(it.to_vec()))
            }
            Type::Fixed(n) => self.take(*n).map(|it| Value::Bytes(it.to_vec())),
            Type::Text => self.text().map(Value::Text),
            Type::Enum(number) => {
                let symbol = self.length()?;
                let name = self.schema.symbol(*number, symbol);
                let name = name.ok_or_else(|| self.malformed("no symbol of its list"))?;
                Ok(Value::Text(name.to_owned()))
            }
            Type::Union(branches) => {
                let number = self.length()?;
                let branch = branches.get(number);
                let branch = branch.ok_or_else(|| self.malformed("no branch of its union"))?;
                self.nested(branch, depth + 1)
            }
            Type::Array(element) => self.blocks(element, false, depth),
            Type::Map(element) => self.blocks(element, true, depth),
            Type::Record(number) => self.record(*number, depth),
        }
    }

    fn record(&mut self, number: usize, depth: usize) -> Result<Value, DecodeError> {
        let schema = self.schema;
        let record = schema.record(number);
        let record = record.ok_or_else(|| self.malformed("no record that is declared"))?;
        let mut fields = Vec::with_capacity(record.fields.len().min(self.n_values_left));
        for field in &record.fields {
            fields.push(self.nested(&field.kind, depth + 1)?);
        }
        Ok(Value::Record(number, fields))
    }

    /// Reads the blocks of an array or a map, up to the empty one.
    fn blocks(
        &mut self,
        element: &Type,
        has_keys: bool,
        depth: usize,
    ) -> Result<Value, DecodeError> {
        let mut items = Vec::new();
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(Value::List(items));
            }
            if count < 0 {
                // The length of the block in bytes, for those who skip it.
                self.length()?;
            }
            for _ in 0..count.unsigned_abs() {
                if has_keys {
                    let n = self.length()?;
                    self.take(n)?;
                }
                items.push(self.nested(element, depth + 1)?);
            }
        }
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let n = self.length()?;
        let bytes = self.take(n)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.malformed("text is not UTF-8"))?;
        Ok(text.to_owned())
    }

    /// Reads a number that counts something.
    fn length(&mut self) -> Result<usize, DecodeError> {
        let number = self.long()?;
        usize::try_from(number).map_err(|_| self.malformed("a length is negative or too long"))
    }

    /// Reads a whole number: seven bits a byte, the lowest first, folded so that small ones are short.
    fn long(&mut self) -> Result<i64, DecodeError> {
        let mut folded: u64 = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            folded |= bits << shift;
            if byte & 0x80 == 0 {
                let magnitude = (folded >> 1).cast_signed();
                return Ok(magnitude ^ -(folded & 1).cast_signed());
            }
        }
        Err(self.malformed("a number is too long"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| DecodeError::TooShort { at })
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(n);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or(DecodeError::TooShort { at: self.at })?;
        self.at = self.at.saturating_add(n);
        Ok(found)
    }

    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, what }
    }
}

#[cfg(test)]
mod tests;
