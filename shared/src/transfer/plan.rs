//! How a file is cut.

use std::num::NonZeroU64;

use crate::ports::{ByteRange, PartLimits};

/// The usual part: long enough that S3's pause between requests does not matter, short enough that some
/// fit into memory.
const USUAL: NonZeroU64 = NonZeroU64::new(8 * 1024 * 1024).unwrap();
/// Parts are whole multiples of this.
const STEP: u64 = 1024 * 1024;

/// The parts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cutting {
    n_bytes: u64,
    part_bytes: NonZeroU64,
}

impl Cutting {
    /// Cuts by the length of a part that an earlier run chose.
    pub(super) fn again(n_bytes: u64, part_bytes: NonZeroU64) -> Self {
        Self { n_bytes, part_bytes }
    }

    /// Cuts as usual, however many parts that makes.
    pub(super) fn usual(n_bytes: u64) -> Self {
        Self { n_bytes, part_bytes: USUAL }
    }

    /// Cuts a file as the store wants it; `None` when it is too long for the store.
    pub(super) fn of(n_bytes: u64, limits: &PartLimits) -> Option<Self> {
        let (min, max) = (limits.min_bytes.get() as u64, limits.max_bytes.get() as u64);
        let needed = n_bytes.div_ceil(u64::from(limits.max_parts.get())).next_multiple_of(STEP);
        let part_bytes = USUAL.get().max(needed).max(min).min(max);
        let cutting = Self { n_bytes, part_bytes: NonZeroU64::new(part_bytes)? };
        (cutting.n_parts() <= limits.max_parts.get()).then_some(cutting)
    }

    pub(super) fn part_bytes(&self) -> NonZeroU64 {
        self.part_bytes
    }

    /// Counts the parts.
    pub(super) fn n_parts(&self) -> u32 {
        u32::try_from(self.n_bytes.div_ceil(self.part_bytes.get())).unwrap_or(u32::MAX)
    }

    /// Returns where a part lies; behind the end there is nothing of it.
    pub(super) fn range(&self, number: u32) -> ByteRange {
        let from = u64::from(number).saturating_mul(self.part_bytes.get()).min(self.n_bytes);
        let until = from.saturating_add(self.part_bytes.get()).min(self.n_bytes);
        ByteRange { from, until: Some(until) }
    }

    /// Returns how long a part is.
    pub(super) fn length(&self, number: u32) -> u64 {
        let range = self.range(number);
        range.until.unwrap_or(range.from) - range.from
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn limits(max_parts: u32) -> PartLimits {
        PartLimits {
            min_bytes: NonZeroUsize::new(5 * 1024 * 1024).unwrap(),
            max_bytes: NonZeroUsize::new(64 * 1024 * 1024).unwrap(),
            max_parts: NonZeroU32::new(max_parts).unwrap(),
        }
    }

    #[test]
    fn parts_are_eight_mebibytes_until_there_would_be_too_many() {
        let cut = Cutting::of(5_000 * MIB, &limits(10_000)).unwrap();
        assert_eq!((cut.part_bytes().get(), cut.n_parts()), (8 * MIB, 625));
        let cut = Cutting::of(200 * MIB + 1, &limits(10)).unwrap();
        assert_eq!((cut.part_bytes().get(), cut.n_parts()), (21 * MIB, 10));
        assert_eq!(Cutting::of(641 * MIB, &limits(10)), None);
        assert_eq!(Cutting::of(640 * MIB, &limits(10)).unwrap().n_parts(), 10);
    }

    #[test]
    fn parts_cover_the_file_once() {
        for n_bytes in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 100 * MIB + 7] {
            let cut = Cutting::of(n_bytes, &limits(10_000)).unwrap();
            let mut at = 0;
            for number in 0..cut.n_parts() {
                let range = cut.range(number);
                assert_eq!(range.from, at);
                at = range.until.unwrap();
                assert!(cut.length(number) > 0);
            }
            assert_eq!(at, n_bytes);
            assert_eq!(cut.length(cut.n_parts()), 0);
        }
    }
}
