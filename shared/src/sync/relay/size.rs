//! How many records go into one call: fewer when they are in each other's way.

/// The size of the next batch. It halves when records of a batch were in each other's way (a lock,
/// a limit of the platform's own code), and grows again by doubling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    now: usize,
    max: usize,
}

impl BatchSize {
    /// Begins with `max`.
    pub fn new(max: usize) -> Self {
        Self { now: max.max(1), max: max.max(1) }
    }

    /// Returns the size.
    pub fn get(self) -> usize {
        self.now
    }

    /// Hears whether records of the last batch were in each other's way.
    pub fn hear(&mut self, was_crowded: bool) {
        self.now = if was_crowded { (self.now / 2).max(1) } else { (self.now * 2).min(self.max) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_shrinks_to_one_and_grows_back() {
        let mut size = BatchSize::new(200);
        for wanted in [100, 50, 25, 12, 6, 3, 1, 1] {
            size.hear(true);
            assert_eq!(size.get(), wanted);
        }
        for wanted in [2, 4, 8, 16, 32, 64, 128, 200, 200] {
            size.hear(false);
            assert_eq!(size.get(), wanted);
        }
    }
}
