//! The figures of an earlier run, and how far new ones are from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Stands for a share of nothing, which has no logarithm.
const SMALLEST_SHARE: f64 = 0.0001;

/// The figures of a run that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The form of this file: 1.
    pub format: u32,
    /// The pipeline.
    pub pipeline: String,
    /// When the run began.
    pub at: Timestamp,
    /// How many rows passed.
    pub n_rows: u64,
    /// The figures of columns that a rule of drift names.
    pub columns: BTreeMap<String, ColumnFigures>,
    /// The figures that stood there before: a run that is made again compares with the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Baseline>>,
}

/// The figures of one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnFigures {
    /// The mean of its numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Their standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// How often each value is there; those beyond the first 1000 together under `…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

impl Baseline {
    /// The one form there is.
    pub const FORMAT: u32 = 1;

    /// Returns the figures that a run which began at `now` compares with: these, or those before when
    /// it wrote these itself.
    pub fn for_run_at(self, now: Timestamp) -> Option<Self> {
        if self.at == now { self.before.map(|it| *it) } else { Some(self) }
    }

    /// Notes what it takes the place of.
    #[must_use]
    pub fn in_place_of(self, before: Option<Self>) -> Self {
        // One is enough: those before it are compared with by nobody.
        let before = before.map(|it| Box::new(Self { before: None, ..it }));
        Self { before, ..self }
    }

    /// Returns how far `n_rows` is from it, in percent; `None` when it had no rows.
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    pub fn row_count_drift(&self, n_rows: u64) -> Option<f64> {
        let moved = n_rows.abs_diff(self.n_rows) as f64 * 100.0;
        (self.n_rows > 0).then(|| moved / self.n_rows as f64)
    }
}

impl ColumnFigures {
    /// Returns how far `mean` is from it, in standard deviations; `None` when it has no figures.
    pub fn mean_drift(&self, mean: f64) -> Option<f64> {
        let moved = (mean - self.mean?).abs();
        let deviation = self.deviation?;
        if moved == 0.0 {
            return Some(0.0);
        }
        // What never varied and moved has drifted beyond every bound.
        Some(if deviation > 0.0 { moved / deviation } else { f64::INFINITY })
    }

    /// Returns the population stability index of `counts` against it; `None` when one has no values.
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    pub fn stability_index(&self, counts: &BTreeMap<String, u64>) -> Option<f64> {
        let total = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let (n_before, n_now) = (total(&self.counts), total(counts));
        if n_before == 0 || n_now == 0 {
            return None;
        }
        let share = |counts: &BTreeMap<String, u64>, value: &str, n_all: u64| {
            let n = counts.get(value).copied().unwrap_or(0);
            (n as f64 / n_all as f64).max(SMALLEST_SHARE)
        };
        let values =
            self.counts.keys().chain(counts.keys().filter(|it| !self.counts.contains_key(*it)));
        let term = |value: &String| {
            let (before, now) = (share(&self.counts, value, n_before), share(counts, value, n_now));
            (now - before) * (now / before).ln()
        };
        Some(values.map(term).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(value, n)| ((*value).to_owned(), *n)).collect()
    }

    #[test]
    fn drift_is_measured_against_the_baseline() {
        let figures = ColumnFigures {
            mean: Some(10.0),
            deviation: Some(2.0),
            counts: counts(&[("open", 50), ("closed", 50)]),
        };
        assert_eq!(figures.mean_drift(13.0), Some(1.5));
        assert_eq!(figures.stability_index(&figures.counts), Some(0.0));
        let little = figures.stability_index(&counts(&[("open", 55), ("closed", 45)])).unwrap();
        let much = figures.stability_index(&counts(&[("open", 5), ("other", 95)])).unwrap();
        assert!(little < 0.1 && much > 0.25, "{little} {much}");

        let at = Timestamp::EPOCH;
        let columns = BTreeMap::new();
        let pipeline = "a".to_owned();
        let base = Baseline { format: 1, pipeline, at, n_rows: 200, columns, before: None };
        assert_eq!(base.row_count_drift(150), Some(25.0));
        assert_eq!(Baseline { n_rows: 0, ..base }.row_count_drift(1), None);
    }

    #[test]
    fn run_that_is_made_again_compares_with_what_it_compared_with_before() {
        let of = |seconds: i64, n_rows| Baseline {
            format: 1,
            pipeline: "a".to_owned(),
            at: Timestamp::from_millis(seconds * 1000),
            n_rows,
            columns: BTreeMap::new(),
            before: None,
        };
        let second = of(2, 20).in_place_of(Some(of(1, 10).in_place_of(Some(of(0, 5)))));
        assert_eq!(second.clone().for_run_at(Timestamp::from_millis(2000)), Some(of(1, 10)));
        assert_eq!(second.clone().for_run_at(Timestamp::from_millis(3000)), Some(second));
        assert_eq!(of(1, 10).for_run_at(Timestamp::from_millis(1000)), None);
    }
}
