//! What a blob store tells of a blob that came or went.

use super::blob_names::{BlobKey, BlobVersion};
use crate::time::Timestamp;

/// A blob came or went. The same notice may come twice, and one may overtake another of the same blob:
/// [`order`](BlobNotice::order) tells which is the later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobNotice {
    /// The blob.
    pub key: BlobKey,
    /// What became of it.
    pub change: BlobChange,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// Greater for later changes of the same blob; of different blobs it says nothing.
    pub order: Option<BlobOrder>,
}

/// What became of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobChange {
    /// It was put, for the first time or anew.
    Stored {
        /// Its length, in bytes.
        n_bytes: u64,
        /// As [`Blob::version`](crate::ports::Blob::version), when it is told.
        version: Option<BlobVersion>,
    },
    /// It was removed.
    Removed,
}

/// The place of a change among the changes of one blob.
///
/// Hex digits, compared after the shorter one was filled up with zeros on its left side.
/// Source: Amazon S3 user guide, "Event message structure", `sequencer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobOrder(String);

impl BlobOrder {
    /// Wraps hex digits; `None` when it holds anything else.
    pub fn parse(raw: &str) -> Option<Self> {
        let is_hex =
            !raw.is_empty() && raw.len() <= 64 && raw.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| Self(raw.trim_start_matches('0').to_ascii_uppercase()))
    }
}

impl Ord for BlobOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for BlobOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_compared_as_numbers_of_any_length() {
        let order = |raw| BlobOrder::parse(raw).unwrap();
        assert!(order("0055AED6DCD90281E5") < order("0055AED6DCD90281E6"));
        assert!(order("FF") < order("0100"));
        assert!(order("0a") == order("0A"));
        assert_eq!(order("0A").cmp(&order("A")), std::cmp::Ordering::Equal);
        assert_eq!(BlobOrder::parse("xyz"), None);
        assert_eq!(BlobOrder::parse(""), None);
    }
}
