//! Repeatable randomness (`SplitMix64`).

/// Draws numbers that are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number from 0 up to but without `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Draws whether something this likely, from 0 to 1, happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what a number of this size holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "both are below 2^53")]
        let drawn = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < probability
    }

    /// Draws one of `choices`; an empty text when there is none.
    pub(crate) fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        let n = u64::try_from(choices.len()).unwrap_or(0);
        let idx = usize::try_from(self.below(n)).unwrap_or(0);
        choices.get(idx).copied().unwrap_or_default()
    }
}
