//! A metric over periods, whole or by group.

use std::collections::BTreeMap;

use super::metric::{Formula, Metric};
use super::period::Grain;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ports::{CaseDimension, CaseTally, DayTally, TallyQuery};

/// Groups that are told by name; the smaller ones are put together.
const MAX_GROUPS: usize = 8;

const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// Which values to count.
#[derive(Clone, Copy, Debug)]
pub struct SeriesQuery<'a> {
    /// The metric.
    pub metric: &'a Metric,
    /// How long a period is.
    pub grain: Grain,
    /// The first period.
    pub from: i64,
    /// The last period.
    pub until: i64,
    /// By what cases are grouped.
    pub by: Option<CaseDimension>,
}

/// Whose values they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All cases'.
    All,
    /// Those of cases with this value; `None` for cases without one.
    Of(Option<String>),
    /// Those of all other cases: of the values that few cases have.
    Rest,
}

/// The values of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Whose they are.
    pub group: Group,
    /// One for each period, the earliest first.
    pub points: Vec<Point>,
}

/// The value of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The period.
    pub period: i64,
    /// The value; `None` where there is nothing to take a mean of.
    pub value: Option<f64>,
    /// From the period before to this one, as a share: 0.1 is a tenth more.
    pub previous_change: Option<f64>,
    /// From the same period a year before, likewise.
    pub year_change: Option<f64>,
}

/// What was counted of one group in one period.
#[derive(Clone, Copy, Default)]
struct Sum {
    n: f64,
    total_ms: f64,
    /// For the order of groups: what is taken off counts too.
    weight: f64,
}

/// Sums by group and period.
type Sums = BTreeMap<Option<String>, BTreeMap<i64, Sum>>;

/// Counts a metric; the largest group comes first.
///
/// # Errors
///
/// As the store answers.
pub async fn series(
    store: &dyn CaseTally,
    sight: &Sight,
    query: &SeriesQuery<'_>,
) -> Result<Vec<Series>, PortError> {
    let SeriesQuery { metric, grain, from, until, by } = *query;
    // A year more, so that the first periods can be compared too.
    let begin = from - grain.year();
    let from_day = match metric.formula {
        Formula::OpenAtEnd => i64::MIN,
        _ => grain.first_day(begin),
    };
    let until_day = grain.first_day(until + 1) - 1;
    let mut sums = Sums::new();
    for (measure, sign) in metric.formula.measures() {
        let query = TallyQuery { measure: *measure, by, from_day, until_day };
        for it in store.tally(sight, &query).await? {
            add(&mut sums, grain, &it, *sign);
        }
    }
    let groups = if by.is_some() { largest(sums) } else { vec![(Group::All, whole(sums))] };
    let series = groups.into_iter().map(|(group, sums)| {
        let values = values(metric.formula, &sums, begin, until);
        Series { group, points: points(&values, begin, from, grain) }
    });
    Ok(series.collect())
}

fn add(sums: &mut Sums, grain: Grain, of: &DayTally, sign: f64) {
    let group = sums.entry(of.group.clone()).or_default();
    let sum = group.entry(grain.period_of(of.day)).or_default();
    let n = of.n_cases as f64;
    sum.n += sign * n;
    sum.weight += n;
    sum.total_ms += of.total_ms;
}

/// Puts everything into one.
fn whole(sums: Sums) -> BTreeMap<i64, Sum> {
    let mut all: BTreeMap<i64, Sum> = BTreeMap::new();
    for (period, sum) in sums.into_values().flatten() {
        let into = all.entry(period).or_default();
        into.n += sum.n;
        into.weight += sum.weight;
        into.total_ms += sum.total_ms;
    }
    all
}

/// Names the largest groups, and puts the others together.
fn largest(sums: Sums) -> Vec<(Group, BTreeMap<i64, Sum>)> {
    let weight = |of: &BTreeMap<i64, Sum>| of.values().map(|it| it.weight).sum::<f64>();
    let mut groups: Vec<_> = sums.into_iter().collect();
    groups.sort_by(|(a, of_a), (b, of_b)| {
        weight(of_b).total_cmp(&weight(of_a)).then_with(|| a.cmp(b))
    });
    let rest = if groups.len() > MAX_GROUPS { groups.split_off(MAX_GROUPS) } else { Vec::new() };
    let mut named: Vec<_> =
        groups.into_iter().map(|(group, sums)| (Group::Of(group), sums)).collect();
    if !rest.is_empty() {
        named.push((Group::Rest, whole(rest.into_iter().collect())));
    }
    named
}

/// Returns one value for each period.
fn values(formula: Formula, sums: &BTreeMap<i64, Sum>, begin: i64, until: i64) -> Vec<Option<f64>> {
    let of = |period: i64| sums.get(&period).copied().unwrap_or_default();
    match formula {
        Formula::CountOpened | Formula::CountClosed => {
            (begin..=until).map(|it| Some(of(it).n)).collect()
        }
        Formula::MeanDaysToClose => {
            let mean = |it: Sum| (it.n > 0.0).then(|| it.total_ms / MILLIS_PER_DAY / it.n);
            (begin..=until).map(|it| mean(of(it))).collect()
        }
        Formula::OpenAtEnd => {
            let mut open: f64 = sums.range(..begin).map(|(_, it)| it.n).sum();
            let after = |it: i64| {
                open += of(it).n;
                // Rows that were closed without ever having been opened.
                Some(open.max(0.0))
            };
            (begin..=until).map(after).collect()
        }
    }
}

fn points(values: &[Option<f64>], begin: i64, from: i64, grain: Grain) -> Vec<Point> {
    let at = |idx: i64| usize::try_from(idx).ok().and_then(|it| values.get(it).copied().flatten());
    let change = |value: Option<f64>, before: Option<f64>| {
        let before = before.filter(|it| *it != 0.0)?;
        Some((value? - before) / before)
    };
    let first = from - begin;
    let n = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let point = |idx: i64| Point {
        period: begin + idx,
        value: at(idx),
        previous_change: change(at(idx), at(idx - 1)),
        year_change: change(at(idx), at(idx - grain.year())),
    };
    (first..n).map(point).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::analytics::built_in_metrics;
    use crate::ports::CaseMeasure;

    /// Days, groups and counts that somebody wrote down.
    struct Book(Vec<(CaseMeasure, Option<&'static str>, i64, u64, f64)>);

    #[async_trait]
    impl CaseTally for Book {
        async fn tally(&self, _: &Sight, query: &TallyQuery) -> Result<Vec<DayTally>, PortError> {
            let days = query.from_day..=query.until_day;
            let found = self.0.iter().filter(|it| it.0 == query.measure && days.contains(&it.2));
            let row = |it: &(CaseMeasure, Option<&str>, i64, u64, f64)| DayTally {
                group: it.1.filter(|_| query.by.is_some()).map(ToOwned::to_owned),
                day: it.2,
                n_cases: it.3,
                total_ms: it.4,
            };
            Ok(found.map(row).collect())
        }
    }

    async fn count(book: &Book, name: &str, by: Option<CaseDimension>) -> Vec<Series> {
        let metrics = built_in_metrics().unwrap();
        let metric = metrics.iter().find(|it| it.name == name).unwrap();
        let from = 2025 * 12 + 10;
        let query = SeriesQuery { metric, grain: Grain::Month, from, until: from + 1, by };
        series(book, &Sight::Everything, &query).await.unwrap()
    }

    fn day(month: i64, of_month: i64) -> i64 {
        Grain::Month.first_day(2025 * 12 + month - 1) + of_month - 1
    }

    #[tokio::test]
    async fn counts_are_compared_with_the_month_and_the_year_before() {
        let opened = CaseMeasure::Opened;
        let book = Book(vec![
            (opened, None, day(-1, 3), 10, 0.0), // November 2024
            (opened, None, day(10, 31), 4, 0.0),
            (opened, None, day(11, 1), 3, 0.0),
            (opened, None, day(11, 30), 2, 0.0),
        ]);

        let all = count(&book, "cases_opened", None).await;

        let [Series { group: Group::All, points }] = &all[..] else { panic!("{all:?}") };
        assert_eq!(points.len(), 2);
        assert_eq!(points[0].value, Some(5.0));
        assert_eq!(points[0].previous_change, Some(0.25));
        assert_eq!(points[0].year_change, Some(-0.5));
        assert_eq!((points[1].value, points[1].previous_change), (Some(0.0), Some(-1.0)));
        assert_eq!(points[1].year_change, None);
    }

    #[tokio::test]
    async fn open_cases_are_those_opened_less_those_closed_since_ever() {
        let book = Book(vec![
            (CaseMeasure::Opened, None, -400, 7, 0.0),
            (CaseMeasure::Closed, None, day(5, 1), 2, 0.0),
            (CaseMeasure::Opened, None, day(12, 1), 4, 0.0),
            (CaseMeasure::Closed, None, day(12, 2), 1, 0.0),
        ]);
        let all = count(&book, "cases_open", None).await;
        let values: Vec<_> = all[0].points.iter().map(|it| it.value).collect();
        assert_eq!(values, [Some(5.0), Some(8.0)]);
    }

    #[tokio::test]
    async fn mean_is_taken_over_cases_and_is_none_without_any() {
        let ms = 86_400_000.0;
        let close = CaseMeasure::TimeToClose;
        let book = Book(vec![
            (close, None, day(11, 1), 1, 10.0 * ms),
            (close, None, day(11, 2), 3, 6.0 * ms),
        ]);
        let all = count(&book, "days_to_close", None).await;
        assert_eq!((all[0].points[0].value, all[0].points[1].value), (Some(4.0), None));
    }

    #[tokio::test]
    async fn small_groups_are_put_together() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let row = |(n, name): (usize, &&'static str)| {
            (CaseMeasure::Opened, Some(*name), day(11, 5), 20 - n as u64, 0.0)
        };
        let mut rows: Vec<_> = names.iter().enumerate().map(row).collect();
        rows.push((CaseMeasure::Opened, None, day(11, 6), 100, 0.0));

        let all = count(&Book(rows), "cases_opened", Some(CaseDimension::Court)).await;

        let groups: Vec<_> = all.iter().map(|it| it.group.clone()).collect();
        assert_eq!(groups[..2], [Group::Of(None), Group::Of(Some("a".to_owned()))]);
        assert_eq!((groups.len(), &groups[8]), (9, &Group::Rest));
        assert_eq!(all[8].points[0].value, Some(13.0 + 12.0 + 11.0));
    }
}
