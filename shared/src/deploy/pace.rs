//! How fast new code takes over.

use std::time::Duration;

/// The steps of a deployment, and how long each is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    steps: Vec<u8>,
    /// How long alarms are watched after each step.
    pub watch: Duration,
    /// How often they are looked at meanwhile.
    pub look_every: Duration,
    /// Alarms that do not count, by name.
    pub ignored_alarms: Vec<String>,
}

/// Steps that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` are no steps: write rising percentages that end with 100, such as `10,50,100`")]
pub struct InvalidPace {
    raw: String,
}

/// How often alarms are looked at: platforms count by the minute.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl Pace {
    /// Reads rising percentages such as `10,50,100`.
    ///
    /// # Errors
    ///
    /// [`InvalidPace`] when they do not rise to 100.
    pub fn parse(steps: &str, watch: Duration) -> Result<Self, InvalidPace> {
        let invalid = || InvalidPace { raw: steps.to_owned() };
        let numbers = steps.split(',').map(|it| it.trim().parse::<u8>());
        let numbers: Vec<u8> = numbers.collect::<Result<_, _>>().map_err(|_| invalid())?;
        let rises = numbers.is_sorted_by(|one, other| one < other);
        if !rises || numbers.first() == Some(&0) || numbers.last() != Some(&100) {
            return Err(invalid());
        }
        let look_every = LOOK_EVERY.min(watch);
        Ok(Self { steps: numbers, watch, look_every, ignored_alarms: Vec::new() })
    }

    /// Has alarms of these names not count.
    #[must_use]
    pub fn ignoring(mut self, alarms: Vec<String>) -> Self {
        self.ignored_alarms = alarms;
        self
    }

    /// Returns the percentages.
    pub fn steps(&self) -> &[u8] {
        &self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_rise_to_a_hundred() {
        let watch = Duration::from_secs(120);
        assert_eq!(Pace::parse("10, 50,100", watch).unwrap().steps(), [10, 50, 100]);
        assert_eq!(Pace::parse("100", watch).unwrap().steps(), [100]);
        for raw in ["", "0,100", "10,50", "50,10,100", "50,50,100", "10,200", "a,100"] {
            assert!(Pace::parse(raw, watch).is_err(), "{raw}");
        }
    }
}
