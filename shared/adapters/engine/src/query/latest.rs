//! Which rows of a table are the last version of what they tell of.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Bits of one word, and words of one chunk.
const WORD: u64 = 64;
const CHUNK: u64 = 64 * 1024;
const N_WORDS: usize = 1024;

/// A set of numbers of changes. They are dense, so that a bit each is little: 8 KiB for 65,536 of them.
#[derive(Debug, Default)]
pub(super) struct ChangeSet {
    chunks: BTreeMap<u64, Box<[u64; N_WORDS]>>,
}

impl ChangeSet {
    /// Adds a number; one below 0 is none.
    pub(super) fn insert(&mut self, seq: i64) {
        let Ok(seq) = u64::try_from(seq) else { return };
        let chunk = self.chunks.entry(seq / CHUNK).or_insert_with(|| Box::new([0; N_WORDS]));
        if let Some(word) = chunk.get_mut(word_of(seq)) {
            *word |= 1 << (seq % WORD);
        }
    }

    /// Adds the numbers in the one column of `batch`.
    pub(super) fn insert_all(&mut self, batch: &RecordBatch) {
        for array in batch.columns() {
            for seq in array.as_primitive::<Int64Type>().iter().flatten() {
                self.insert(seq);
            }
        }
    }

    /// Tells whether any number from `first` to `last` is there.
    pub(super) fn has_any(&self, first: u64, last: u64) -> bool {
        let mut chunks = self.chunks.range(first / CHUNK..=(last / CHUNK).max(first / CHUNK));
        chunks.any(|(at, chunk)| {
            let begin = at * CHUNK;
            let (first, last) = (first.max(begin), last.min(begin + (CHUNK - 1)));
            let (from, until) = (word_of(first), word_of(last));
            let mut words =
                chunk.iter().enumerate().skip(from).take((until + 1).saturating_sub(from));
            let is_hit = |(place, word): (usize, &u64)| {
                let low = if place == from { u64::MAX << (first % WORD) } else { u64::MAX };
                let high =
                    if place == until { u64::MAX >> (WORD - 1 - last % WORD) } else { u64::MAX };
                word & low & high != 0
            };
            words.any(is_hit)
        })
    }
}

fn word_of(seq: u64) -> usize {
    usize::try_from(seq % CHUNK / WORD).unwrap_or(usize::MAX)
}

fn is_in(chunk: &[u64; N_WORDS], seq: u64) -> bool {
    chunk.get(word_of(seq)).is_some_and(|it| it & (1 << (seq % WORD)) != 0)
}

/// The condition that a row is the last version of what it tells of, by the number of its change.
#[derive(Debug)]
struct IsLatest {
    changes: Arc<ChangeSet>,
    signature: Signature,
}

/// Makes the condition of `changes`. It is in no catalogue: nobody can write it.
pub(super) fn is_latest(changes: Arc<ChangeSet>) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
    ScalarUDF::new_from_impl(IsLatest { changes, signature })
}

impl PartialEq for IsLatest {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.changes, &other.changes)
    }
}

impl Eq for IsLatest {}

impl Hash for IsLatest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.changes).hash(state);
    }
}

impl ScalarUDFImpl for IsLatest {
    fn name(&self) -> &'static str {
        "is_latest"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _of: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let mut kept = Vec::with_capacity(args.number_rows);
        for array in &arrays {
            let seqs = array.as_primitive::<Int64Type>();
            let mut last: Option<(u64, Option<&[u64; N_WORDS]>)> = None;
            for row in 0..seqs.len() {
                let seq = u64::try_from(seqs.value(row)).unwrap_or(u64::MAX);
                let chunk = match last {
                    Some((at, chunk)) if at == seq / CHUNK => chunk,
                    _ => self.changes.chunks.get(&(seq / CHUNK)).map(|it| &**it),
                };
                last = Some((seq / CHUNK, chunk));
                kept.push(!seqs.is_null(row) && chunk.is_some_and(|it| is_in(it, seq)));
            }
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(kept))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_again() {
        let mut set = ChangeSet::default();
        for seq in [0, 63, 64, 65_535, 65_536, 1 << 40, i64::MAX, -5] {
            set.insert(seq);
        }
        for seq in [0, 63, 64, 65_535, 65_536, 1 << 40, i64::MAX as u64] {
            assert!(set.has_any(seq, seq) && !set.has_any(seq + 2, seq + 2), "{seq}");
        }
        assert!(set.has_any(60, 63) && !set.has_any(65, 65_534) && set.has_any(66, 65_600));
        assert!(!set.has_any(1, 62) && set.has_any(65_535, 65_535));
        assert!(set.has_any(100_000, 1 << 50) && !set.has_any(100_000, 1 << 39));
    }
}
