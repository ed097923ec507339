//! Where the level of a series changed, by optimal partitioning with pruning (PELT: Killick,
//! Fearnhead, Eckley 2012), the cost of a segment being its squared distance from its mean.

/// The shortest stretch of one level, in periods.
const MIN_LENGTH: usize = 4;

/// How much better a fit must be for each change, in variances of the noise times `ln n`. Two would be
/// the Bayesian information criterion; a chart that cries wolf is not read.
const PENALTY: f64 = 4.0;

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// The place in the series of the first value of the new level.
    pub at: usize,
    /// The mean from the change before to here.
    pub before: f64,
    /// The mean from here to the next change.
    pub after: f64,
}

/// Finds where the level of `values` changed.
pub fn change_points(values: &[f64]) -> Vec<ChangePoint> {
    if values.len() < 2 * MIN_LENGTH || values.iter().any(|it| !it.is_finite()) {
        return Vec::new();
    }
    let sums = Sums::of(values);
    let whole = sums.cost(0, values.len());
    let penalty = (PENALTY * noise(values) * (values.len() as f64).ln()).max(whole * 1e-6);
    if penalty <= 0.0 {
        return Vec::new();
    }
    let mut bounds = vec![0];
    bounds.extend(best_cuts(&sums, values.len(), penalty));
    bounds.push(values.len());
    let triple = |it: &[usize]| {
        let [from, at, until] = *it else { return None };
        Some(ChangePoint { at, before: sums.mean(from, at), after: sums.mean(at, until) })
    };
    bounds.windows(3).filter_map(triple).collect()
}

/// Sums over the beginnings of a series. Values are taken as distances from their mean: squares of
/// large numbers leave no digits for small differences.
struct Sums {
    mean: f64,
    /// Of the first values, from none to all: their sum, and that of their squares.
    of_first: Vec<(f64, f64)>,
}

impl Sums {
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let (mut sum, mut squares) = (0.0, 0.0);
        let mut of_first = vec![(sum, squares)];
        for value in values {
            let it = value - mean;
            sum += it;
            squares += it * it;
            of_first.push((sum, squares));
        }
        Self { mean, of_first }
    }

    fn at(&self, idx: usize) -> (f64, f64) {
        self.of_first.get(idx).copied().unwrap_or_default()
    }

    fn cost(&self, from: usize, until: usize) -> f64 {
        let ((sum_a, squares_a), (sum_b, squares_b)) = (self.at(from), self.at(until));
        let sum = sum_b - sum_a;
        (squares_b - squares_a - sum * sum / (until - from) as f64).max(0.0)
    }

    fn mean(&self, from: usize, until: usize) -> f64 {
        self.mean + (self.at(until).0 - self.at(from).0) / (until - from) as f64
    }
}

/// Estimates the variance of the noise from the differences of neighbours, which a few changes of level
/// do not disturb.
fn noise(values: &[f64]) -> f64 {
    let mut steps: Vec<f64> =
        values.windows(2).filter_map(|it| Some((it.get(1)? - it.first()?).abs())).collect();
    steps.sort_by(f64::total_cmp);
    let median = steps.get(steps.len() / 2).copied().unwrap_or_default();
    // Of a normal distribution the median of |x| is 0.6745 of its deviation; a difference has twice
    // the variance of a value.
    let deviation = median / 0.6745;
    let by_median = deviation * deviation / 2.0;
    if by_median > 0.0 {
        return by_median;
    }
    // Most steps are nothing at all: counts of a quiet firm.
    let trimmed = steps.len() * 9 / 10;
    let squares: f64 = steps.iter().take(trimmed).map(|it| it * it).sum();
    squares / (2.0 * trimmed.max(1) as f64)
}

/// Returns the places of the cuts with the least cost.
fn best_cuts(sums: &Sums, n: usize, penalty: f64) -> Vec<usize> {
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last_cut = vec![0; n + 1];
    if let Some(first) = best.first_mut() {
        *first = -penalty;
    }
    let mut starts = vec![0];
    for until in MIN_LENGTH..=n {
        let cost = |from: usize| {
            let before = best.get(from).copied().unwrap_or(f64::INFINITY);
            before + sums.cost(from, until)
        };
        let fits = starts.iter().copied().filter(|from| until - from >= MIN_LENGTH);
        let least = fits.map(|it| (cost(it), it)).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((least, from)) = least else { continue };
        starts.retain(|it| until - it < MIN_LENGTH || cost(*it) <= least + penalty);
        starts.push(until);
        if let (Some(best), Some(cut)) = (best.get_mut(until), last_cut.get_mut(until)) {
            (*best, *cut) = (least + penalty, from);
        }
    }
    let mut cuts = Vec::new();
    let mut at = n;
    while let Some(cut) = last_cut.get(at).copied().filter(|it| *it > 0) {
        cuts.push(cut);
        at = cut;
    }
    cuts.reverse();
    cuts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Noise that repeats: -1, 0 or 1 times `scale`.
    fn noisy(levels: &[(f64, usize)], scale: f64) -> Vec<f64> {
        let mut state = 12_345_u64;
        let all = levels.iter().flat_map(|(level, n)| std::iter::repeat_n(*level, *n));
        let next = |level| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            level + scale * ((state >> 33) % 3) as f64 - scale
        };
        all.map(next).collect()
    }

    #[test]
    fn steps_are_found_and_their_levels_told() {
        let found = change_points(&noisy(&[(20.0, 24), (35.0, 12), (10.0, 20)], 1.0));
        let places: Vec<_> = found.iter().map(|it| it.at).collect();
        assert_eq!(places, [24, 36]);
        assert!((found[0].before - 20.0).abs() < 1.0 && (found[0].after - 35.0).abs() < 1.0);
        assert!((found[1].after - 10.0).abs() < 1.0);
    }

    #[test]
    fn noise_alone_is_no_change_and_a_clean_step_is_one() {
        assert_eq!(change_points(&noisy(&[(100.0, 60)], 5.0)), []);
        assert_eq!(change_points(&[7.0; 40]), []);
        let clean = noisy(&[(3.0, 10), (9.0, 10)], 0.0);
        let found = change_points(&clean);
        assert_eq!(found, [ChangePoint { at: 10, before: 3.0, after: 9.0 }]);
        assert_eq!(change_points(&[1.0, 2.0, 3.0]), []);
    }

    proptest! {
        #[test]
        fn segments_have_their_least_length(values in prop::collection::vec(0.0..1000.0_f64, 0..120)) {
            let places: Vec<_> = change_points(&values).iter().map(|it| it.at).collect();
            let bounds: Vec<_> =
                [0].into_iter().chain(places.iter().copied()).chain([values.len()]).collect();
            if !places.is_empty() {
                prop_assert!(bounds.windows(2).all(|it| it[1] - it[0] >= MIN_LENGTH), "{bounds:?}");
            }
        }
    }
}
