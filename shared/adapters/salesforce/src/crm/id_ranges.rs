//! Finds ranges of ids that hold about as many records each, by few and cheap questions.
//!
//! Ids are not dense: an org that was moved, or whose records came in bursts, has wide gaps. So a
//! range is halved by arithmetic and one half is counted; where nearly all lies in one half, the gap
//! is skipped by asking for the records beside the middle.

use std::collections::BinaryHeap;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::SalesforceId;

use super::id_range::{IdRange, id_at, place_of};

/// The records that are cut into ranges.
#[async_trait]
pub(super) trait IdIndex: Send + Sync {
    /// Counts the records of `range`; `None` when they are too many to be counted.
    async fn count(&self, range: &IdRange) -> Result<Option<u64>, PortError>;

    /// Finds the smallest id of `range`.
    async fn first(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError>;

    /// Finds the largest id of `range`.
    async fn last(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError>;
}

/// How ranges are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cutting {
    /// The records of a range, at most where that can be had.
    pub(super) n_records: u64,
    /// The questions that may be asked; what is left then stays as it is.
    pub(super) n_questions: u32,
}

/// The questions that one halving takes at most.
const MAX_ASKED: u32 = 3;

/// A half with less than this part of the records makes the gap be looked for.
const LOPSIDED: u64 = 8;

/// Stands for the number of records that nobody can count: such a piece is halved first.
const TOO_MANY: u64 = u64::MAX;

/// The ids from `low` to `high`, both among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    n_records: u64,
    low: u128,
    high: u128,
}

impl Piece {
    fn range(self) -> IdRange {
        IdRange { after: self.low.checked_sub(1).and_then(id_at), until: id_at(self.high) }
    }

    fn is_whole(self, cutting: Cutting) -> bool {
        self.low >= self.high || self.n_records <= cutting.n_records
    }
}

/// Cuts `whole`, which holds `n_records` if that is known, into ranges that together hold every id
/// of it, each exactly once.
///
/// # Errors
///
/// As `index` answers.
pub(super) async fn cut(
    index: &dyn IdIndex,
    whole: &IdRange,
    n_records: Option<u64>,
    cutting: Cutting,
) -> Result<Vec<IdRange>, PortError> {
    let (Some(first), Some(last)) = (index.first(whole).await?, index.last(whole).await?) else {
        return Ok(vec![whole.clone()]);
    };
    let n_records = n_records.unwrap_or(TOO_MANY);
    let all = Piece { n_records, low: place_of(&first), high: place_of(&last) };
    let mut n_left = cutting.n_questions;
    let mut open = BinaryHeap::from([all]);
    let mut pieces = Vec::new();
    while let Some(piece) = open.pop() {
        if piece.is_whole(cutting) || n_left < MAX_ASKED {
            pieces.push(piece);
        } else {
            open.extend(halve(index, piece, cutting, &mut n_left).await?);
        }
    }
    pieces.sort_by_key(|it| it.low);
    Ok(whole.cut(cuts(&pieces, cutting)))
}

/// Halves a piece: both halves, or the one that holds all.
async fn halve(
    index: &dyn IdIndex,
    piece: Piece,
    cutting: Cutting,
    n_left: &mut u32,
) -> Result<Vec<Piece>, PortError> {
    let Piece { n_records: n_all, low, high } = piece;
    let middle = low + (high - low) / 2;
    let below = Piece { n_records: 0, low, high: middle };
    *n_left -= 1;
    let n_below = index.count(&below.range()).await?.unwrap_or(TOO_MANY);
    let n_above = if n_all == TOO_MANY { TOO_MANY } else { n_all.saturating_sub(n_below) };
    let below = Piece { n_records: n_below, ..below };
    let above = Piece { n_records: n_above, low: middle + 1, high };
    if n_below.min(n_above) >= (n_all / LOPSIDED).min(cutting.n_records) {
        return Ok(vec![below, above]);
    }
    *n_left -= 2;
    let below_ends = index.last(&below.range()).await?;
    let above_begins = index.first(&above.range()).await?;
    let below = below_ends.map(|it| Piece { high: place_of(&it), ..below });
    let above = above_begins.map(|it| Piece { low: place_of(&it), ..above });
    Ok(below.into_iter().chain(above).collect())
}

/// Returns where to cut: behind each piece that the next one does not fit into a range with.
fn cuts(pieces: &[Piece], cutting: Cutting) -> Vec<SalesforceId> {
    let mut cuts = Vec::new();
    let mut n_gathered = 0_u64;
    let mut last: Option<&Piece> = None;
    for piece in pieces {
        let together = n_gathered.saturating_add(piece.n_records);
        match last {
            Some(last) if together > cutting.n_records => {
                cuts.extend(id_at(last.high));
                n_gathered = piece.n_records;
            }
            _ => n_gathered = together,
        }
        last = Some(piece);
    }
    cuts
}

#[cfg(test)]
mod tests;
