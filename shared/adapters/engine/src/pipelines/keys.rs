//! Values that are remembered: those that came before, and those that a reference may have.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Turns values into fingerprints of 128 bits by two keyed hashes. The keys are new in each process, so
/// that nobody can make two values with the same one; that two of ten million have it by chance is less
/// likely than one in 10^24.
#[derive(Clone, Default)]
pub(super) struct Fingerprints {
    left: RandomState,
    right: RandomState,
}

/// Remembers fingerprints, up to a number.
pub(super) struct Keys {
    fingerprints: Fingerprints,
    seen: HashSet<u128>,
    max_keys: usize,
}

/// More keys than may be remembered.
#[derive(Debug)]
pub(super) struct TooManyKeys;

impl Fingerprints {
    /// Returns that of `row` in `columns`; `None` when a value is missing.
    pub(super) fn of(&self, columns: &[ArrayRef], row: usize, bytes: &mut Vec<u8>) -> Option<u128> {
        bytes.clear();
        for column in columns {
            if column.is_null(row) {
                return None;
            }
            push(column, row, bytes);
        }
        let hash = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(bytes);
            u128::from(hasher.finish())
        };
        Some(hash(&self.left) << 64 | hash(&self.right))
    }
}

/// Adds the bytes of a value, so that no two rows of other values have the same.
fn push(column: &ArrayRef, row: usize, bytes: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Boolean => bytes.push(column.as_boolean().value(row).into()),
        DataType::Int64 => {
            bytes.extend(column.as_primitive::<Int64Type>().value(row).to_le_bytes());
        }
        DataType::Float64 => {
            // Of two zeros, one.
            let value = column.as_primitive::<Float64Type>().value(row) + 0.0;
            bytes.extend(value.to_le_bytes());
        }
        DataType::Decimal128(..) => {
            bytes.extend(column.as_primitive::<Decimal128Type>().value(row).to_le_bytes());
        }
        DataType::Date32 => {
            bytes.extend(column.as_primitive::<Date32Type>().value(row).to_le_bytes());
        }
        DataType::Timestamp(..) => {
            let value = column.as_primitive::<TimestampMillisecondType>().value(row);
            bytes.extend(value.to_le_bytes());
        }
        _ => {
            let text = column.as_string::<i32>().value(row);
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
    }
}

impl Keys {
    /// Remembers at most `max_keys`.
    pub(super) fn new(max_keys: usize) -> Self {
        Self { fingerprints: Fingerprints::default(), seen: HashSet::new(), max_keys }
    }

    /// Remembers each row of `columns`, and tells of each whether it was there before. A row with a
    /// missing value is not remembered, and is never there.
    ///
    /// # Errors
    ///
    /// [`TooManyKeys`].
    pub(super) fn add(&mut self, columns: &[ArrayRef]) -> Result<Vec<bool>, TooManyKeys> {
        let n_rows = columns.first().map_or(0, Array::len);
        let mut bytes = Vec::new();
        let mut was_there = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            let key = self.fingerprints.of(columns, row, &mut bytes);
            was_there.push(key.is_some_and(|it| !self.seen.insert(it)));
            if self.seen.len() > self.max_keys {
                return Err(TooManyKeys);
            }
        }
        Ok(was_there)
    }

    /// As [`add`](Self::add) for rows in which equal ones follow each other: only the last is
    /// remembered.
    pub(super) fn add_sorted(&mut self, columns: &[ArrayRef]) -> Vec<bool> {
        let n_rows = columns.first().map_or(0, Array::len);
        let mut bytes = Vec::new();
        let mut was_there = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            let key = self.fingerprints.of(columns, row, &mut bytes);
            was_there.push(key.is_some_and(|it| self.seen.contains(&it)));
            if let Some(key) = key {
                self.seen.clear();
                self.seen.insert(key);
            }
        }
        was_there
    }

    /// Tells of each row of `columns` whether it is remembered; a missing value counts as being so.
    pub(super) fn know(&self, columns: &[ArrayRef]) -> Vec<bool> {
        let n_rows = columns.first().map_or(0, Array::len);
        let mut bytes = Vec::new();
        let is_known = |row| {
            let key = self.fingerprints.of(columns, row, &mut bytes);
            key.is_none_or(|it| self.seen.contains(&it))
        };
        (0..n_rows).map(is_known).collect()
    }

    /// Returns how many are remembered.
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn columns(rows: &[(Option<&str>, i64)]) -> Vec<ArrayRef> {
        let text: StringArray = rows.iter().map(|it| it.0).collect();
        let number: Int64Array = rows.iter().map(|it| Some(it.1)).collect();
        vec![Arc::new(text), Arc::new(number)]
    }

    #[test]
    fn second_of_equal_rows_was_there_and_a_missing_value_never() {
        let mut keys = Keys::new(10);
        let rows = columns(&[(Some("a"), 1), (Some("a"), 2), (Some("a"), 1), (None, 1), (None, 1)]);
        assert_eq!(keys.add(&rows).unwrap(), [false, false, true, false, false]);
        assert_eq!(keys.add(&columns(&[(Some("a"), 2)])).unwrap(), [true]);
        assert_eq!(keys.know(&columns(&[(Some("b"), 2), (None, 2)])), [false, true]);
        assert!(Keys::new(1).add(&rows).is_err());
    }

    proptest! {
        #[test]
        fn sorted_rows_are_told_apart_as_others_are(mut values in prop::collection::vec(0_i64..20, 0..60)) {
            values.sort_unstable();
            let rows: Vec<_> = values.iter().map(|it| (Some("a"), *it)).collect();
            let (all, sorted) = (Keys::new(100).add(&columns(&rows)), Keys::new(0).add_sorted(&columns(&rows)));
            prop_assert_eq!(all.unwrap(), sorted);
        }
    }
}
