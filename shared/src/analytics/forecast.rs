//! What comes next, and how wrong it would have been so far.
//!
//! Several methods are tried on the past: each forecasts from a dozen earlier periods, without what came
//! after them, and the one with the least error forecasts the future. The interval is as wide as its own
//! errors were, further ahead wider: no assumption about the series, and none about the method.

use augurs_core::{Fit as _, Predict as _};
use augurs_ets::AutoETS;
use serde::Serialize;
use thiserror::Error;

/// The fewest values to forecast from.
const MIN_VALUES: usize = 8;

/// How many earlier periods are forecast from at most.
const MAX_FOLDS: usize = 12;

/// Of ninety-five of a hundred values the normal distribution strays no further, in deviations.
const Z: f64 = 1.959_964;

/// The share of values that should lie in the interval.
const LEVEL: f64 = 0.95;

/// How the future is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Method {
    /// The last value goes on.
    LastValue,
    /// What was one season ago comes again.
    SeasonalNaive,
    /// Exponential smoothing, its form chosen by the corrected Akaike criterion (`AutoETS`).
    Smoothing,
    /// The same on values freed of their season, which is put back.
    SeasonalSmoothing,
}

impl Method {
    const ALL: [Self; 4] =
        [Self::LastValue, Self::SeasonalNaive, Self::Smoothing, Self::SeasonalSmoothing];

    /// The fewest values it needs.
    fn min_values(self, season: usize) -> usize {
        match self {
            Self::LastValue => 1,
            Self::SeasonalNaive => season,
            Self::Smoothing => MIN_VALUES,
            Self::SeasonalSmoothing => (2 * season).max(MIN_VALUES),
        }
    }
}

/// One period ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastPoint {
    /// The value that is expected.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How wrong a method was on the past.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BackTest {
    /// The method.
    pub method: Method,
    /// From how many earlier periods it forecast.
    pub n_folds: usize,
    /// The mean distance from what came, in the unit of the metric.
    pub mean_error: f64,
    /// The same as a share of what came, over all: 0.1 is a tenth. `None` when nothing came.
    pub relative_error: Option<f64>,
}

/// A forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The next periods, the nearest first.
    pub points: Vec<ForecastPoint>,
    /// The share of values that should lie in the interval.
    pub level: f64,
    /// The method that was taken.
    pub method: Method,
    /// The errors of each method that could be tried, the best first.
    pub back_tests: Vec<BackTest>,
}

/// Why there is no forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ForecastRefusal {
    /// There are too few values.
    #[error("a forecast needs {MIN_VALUES} complete periods in a row, and there are {0}")]
    TooFew(usize),
}

/// Forecasts `horizon` periods after `values`, of which none is below zero. `season` is after how many a
/// pattern repeats.
///
/// # Errors
///
/// [`ForecastRefusal`].
pub fn forecast(
    values: &[f64],
    season: usize,
    horizon: usize,
) -> Result<Forecast, ForecastRefusal> {
    if values.len() < MIN_VALUES {
        return Err(ForecastRefusal::TooFew(values.len()));
    }
    let mut trials: Vec<Trial> =
        Method::ALL.iter().filter_map(|it| Trial::of(*it, values, season, horizon)).collect();
    trials.sort_by(|a, b| a.test.mean_error.total_cmp(&b.test.mean_error));
    let back_tests = trials.iter().map(|it| it.test).collect();
    let found = trials.iter().find_map(|trial| {
        let ahead = guess(trial.test.method, values, season, horizon)?;
        Some((trial, ahead))
    });
    let Some((trial, ahead)) = found else { return Err(ForecastRefusal::TooFew(values.len())) };
    let points = ahead.into_iter().zip(trial.widths(horizon)).map(|(value, width)| {
        let value = value.max(0.0);
        ForecastPoint { value, low: (value - width).max(0.0), high: value + width }
    });
    Ok(Forecast { points: points.collect(), level: LEVEL, method: trial.test.method, back_tests })
}

/// What a method did on the past.
struct Trial {
    test: BackTest,
    /// For each step ahead how many errors there are, and the sum of their squares.
    squares: Vec<(usize, f64)>,
}

impl Trial {
    /// Tries `method` on the past; `None` when there is too little of it, or the method fails.
    fn of(method: Method, values: &[f64], season: usize, horizon: usize) -> Option<Self> {
        let least = method.min_values(season).max(MIN_VALUES / 2);
        let n_folds = values.len().checked_sub(least).filter(|it| *it > 0)?.min(MAX_FOLDS);
        let mut squares = vec![(0, 0.0); horizon];
        let (mut n, mut distance, mut came) = (0.0, 0.0, 0.0);
        for fold in 1..=n_folds {
            let (past, future) = values.split_at(values.len() - fold);
            let ahead = guess(method, past, season, horizon.min(future.len()))?;
            for ((told, value), sum) in ahead.iter().zip(future).zip(&mut squares) {
                let error = told.max(0.0) - value;
                n += 1.0;
                distance += error.abs();
                came += value.abs();
                *sum = (sum.0 + 1, sum.1 + error * error);
            }
        }
        let test = BackTest {
            method,
            n_folds,
            mean_error: distance / n,
            relative_error: (came > 0.0).then(|| distance / came),
        };
        test.mean_error.is_finite().then_some(Self { test, squares })
    }

    /// How far the interval reaches for each step ahead: never less than for the step before. Where the
    /// past was too short for a step, it widens as a walk does.
    fn widths(&self, horizon: usize) -> Vec<f64> {
        let mut widths: Vec<f64> = Vec::with_capacity(horizon);
        for step in 0..horizon {
            let before = widths.last().copied().unwrap_or_default();
            let (n, sum) = self.squares.get(step).copied().unwrap_or_default();
            let seen = if n >= 3 { Z * (sum / n as f64).sqrt() } else { 0.0 };
            let walked = match n {
                0..3 if step > 0 => before * ((step + 1) as f64 / step as f64).sqrt(),
                0..3 => Z * self.test.mean_error * 1.2533,
                _ => 0.0,
            };
            widths.push(seen.max(walked).max(before));
        }
        widths
    }
}

/// Says what comes after `past`; `None` when the method cannot.
fn guess(method: Method, past: &[f64], season: usize, horizon: usize) -> Option<Vec<f64>> {
    if past.len() < method.min_values(season) {
        return None;
    }
    match method {
        Method::LastValue => Some(vec![*past.last()?; horizon]),
        Method::SeasonalNaive => {
            let last = past.get(past.len() - season..)?;
            Some(last.iter().copied().cycle().take(horizon).collect())
        }
        Method::Smoothing => smooth(past, horizon),
        Method::SeasonalSmoothing => {
            let pattern = seasonal_pattern(past, season);
            let of = |idx: usize| pattern.get(idx % season).copied().unwrap_or_default();
            let freed: Vec<f64> = past.iter().enumerate().map(|(idx, it)| it - of(idx)).collect();
            let ahead = smooth(&freed, horizon)?;
            let put_back = |(idx, it): (usize, f64)| it + of(past.len() + idx);
            Some(ahead.into_iter().enumerate().map(put_back).collect())
        }
    }
}

/// Smooths exponentially; `None` when no form fits.
fn smooth(past: &[f64], horizon: usize) -> Option<Vec<f64>> {
    if past.iter().all(|it| Some(it) == past.first()) {
        return Some(vec![*past.first()?; horizon]);
    }
    let fitted = AutoETS::non_seasonal().fit(past).ok()?;
    let ahead = fitted.predict(horizon, None).ok()?.point;
    (ahead.len() == horizon && ahead.iter().all(|it| it.is_finite())).then_some(ahead)
}

/// Returns how far each place of a season lies from the others on the whole: the classical
/// decomposition, its trend being the mean over one season.
fn seasonal_pattern(past: &[f64], season: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); season];
    let half = season / 2;
    for idx in half..past.len().saturating_sub(half) {
        let window = past.get(idx - half..=idx + half).unwrap_or_default();
        let mut trend: f64 = window.iter().sum();
        let mut n = window.len() as f64;
        if season.is_multiple_of(2) {
            // Its ends belong to the same place of the season: each counts half.
            let ends = [window.first(), window.last()];
            trend -= ends.into_iter().flatten().sum::<f64>() / 2.0;
            n -= 1.0;
        }
        if let (Some(value), Some(sum)) = (past.get(idx), sums.get_mut(idx % season)) {
            *sum = (sum.0 + value - trend / n, sum.1 + 1.0);
        }
    }
    let means = sums.iter().map(|(sum, n)| if *n > 0.0 { sum / n } else { 0.0 });
    let means: Vec<f64> = means.collect();
    let centre = means.iter().sum::<f64>() / season as f64;
    means.into_iter().map(|it| it - centre).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Months with a season of twelve, a trend, and noise that repeats.
    fn months(n: usize, trend: f64, swing: f64, noise: f64) -> Vec<f64> {
        let value = |idx: usize| {
            let season = (idx as f64 / 12.0 * std::f64::consts::TAU).sin() * swing;
            let jitter = ((idx * 7919) % 13) as f64 / 6.0 - 1.0;
            100.0 + trend * idx as f64 + season + noise * jitter
        };
        (0..n).map(value).collect()
    }

    #[test]
    fn season_is_learnt_and_what_came_lies_in_the_interval() {
        let all = months(72, 0.5, 30.0, 3.0);
        let (past, future) = all.split_at(60);

        let told = forecast(past, 12, 12).unwrap();

        assert_eq!(told.method, Method::SeasonalSmoothing, "{:?}", told.back_tests);
        assert_eq!(told.points.len(), 12);
        let inside =
            |(point, value): (&ForecastPoint, &f64)| (point.low..=point.high).contains(value);
        let n_inside = told.points.iter().zip(future).filter(|it| inside(*it)).count();
        assert!(n_inside >= 11, "{n_inside} of 12: {:?} {future:?}", told.points);
        let best = told.back_tests[0];
        assert!(best.relative_error.unwrap() < 0.05, "{best:?}");
        assert!(told.back_tests.iter().all(|it| it.mean_error >= best.mean_error));
    }

    #[test]
    fn trend_goes_on_and_intervals_widen() {
        let told = forecast(&months(40, 3.0, 0.0, 1.0), 12, 6).unwrap();
        assert!(told.points[5].value > 100.0 + 3.0 * 42.0, "{told:?}");
        let widths: Vec<_> = told.points.iter().map(|it| it.high - it.value).collect();
        assert!(widths.is_sorted(), "{widths:?}");
    }

    #[test]
    fn few_values_are_refused_and_quiet_ones_are_not() {
        assert_eq!(forecast(&[1.0; 7], 12, 3), Err(ForecastRefusal::TooFew(7)));
        let told = forecast(&[4.0; 8], 12, 3).unwrap();
        assert_eq!(told.points[2], ForecastPoint { value: 4.0, low: 4.0, high: 4.0 });
        let nothing = forecast(&[0.0; 30], 12, 3).unwrap();
        assert_eq!((nothing.points[0].value, nothing.back_tests[0].relative_error), (0.0, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_past_has_a_sane_future(values in prop::collection::vec(0.0..1e6_f64, 8..60)) {
            let told = forecast(&values, 12, 6).unwrap();
            prop_assert_eq!(told.points.len(), 6);
            for point in told.points {
                prop_assert!(point.value.is_finite() && point.high.is_finite());
                prop_assert!(0.0 <= point.low && point.low <= point.value && point.value <= point.high);
            }
        }
    }
}
