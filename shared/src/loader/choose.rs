//! Which files are loaded next.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::state::TableState;
use crate::lake::{Catalog, Head, LakeError, LakeFile, LakeTable};
use crate::ports::BlobKey;

/// The files to load together.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The files, those with the earliest changes first.
    pub(super) files: Vec<LakeFile>,
    /// The position once they are loaded.
    pub(super) then: u64,
    /// How many files wait, with these.
    pub(super) n_waiting: u64,
    /// How many rows they have.
    pub(super) n_rows_waiting: u64,
}

/// How much is loaded together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_files: usize,
    pub(super) max_bytes: u64,
}

/// Chooses files of `table`, with no more than a batch of them in memory.
///
/// Changes of several files may lie between one another: two days meet where clocks differ, and a
/// compacted file begins before the position. So the position goes only up to the first change of what
/// is left over, and what was loaded beyond it is remembered by name.
pub(super) async fn choose(
    catalog: &Catalog,
    head: &Head,
    table: LakeTable,
    state: &TableState,
    bounds: Bounds,
) -> Result<Choice, LakeError> {
    let mut nearest: BTreeMap<(u64, BlobKey), LakeFile> = BTreeMap::new();
    let mut choice = Choice::default();
    let mut first_left: Option<u64> = None;
    let mut files = std::pin::pin!(catalog.files_after(head, state.position));
    while let Some(file) = files.try_next().await? {
        if file.table != table || state.ahead.contains_key(&file.key) {
            continue;
        }
        choice.n_waiting += 1;
        choice.n_rows_waiting += file.n_rows;
        nearest.insert((file.min_seq, file.key.clone()), file);
        if nearest.len() > bounds.max_files.max(1)
            && let Some(((min_seq, _), _)) = nearest.pop_last()
        {
            first_left = Some(first_left.map_or(min_seq, |it| it.min(min_seq)));
        }
    }
    let mut n_bytes = 0_u64;
    for ((min_seq, _), file) in nearest {
        n_bytes = n_bytes.saturating_add(file.n_bytes);
        if !choice.files.is_empty() && n_bytes > bounds.max_bytes {
            first_left = Some(min_seq);
            break;
        }
        choice.files.push(file);
    }
    choice.then = match first_left {
        Some(first) => state.position.max(first.saturating_sub(1)),
        None => {
            let loaded = choice.files.iter().map(|it| it.max_seq);
            loaded.chain(state.ahead.values().copied()).fold(state.position, u64::max)
        }
    };
    Ok(choice)
}
