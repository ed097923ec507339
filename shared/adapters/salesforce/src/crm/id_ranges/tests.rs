//! Ranges over made-up ids: dense, in clusters, changing while they are counted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::super::id_range::IdRange;
use super::*;

/// Ids in memory, which counts the questions.
struct Made {
    ids: BTreeSet<u128>,
    n_asked: AtomicU32,
    /// More than this are too many to be counted.
    most: u64,
}

impl Made {
    fn new(ids: impl IntoIterator<Item = u128>) -> Self {
        Self { ids: ids.into_iter().collect(), n_asked: AtomicU32::new(0), most: u64::MAX }
    }

    fn of(&self, range: &IdRange) -> impl DoubleEndedIterator<Item = u128> {
        self.n_asked.fetch_add(1, Ordering::Relaxed);
        let low = range.after.as_ref().map_or(0, |it| place_of(it) + 1);
        let high = range.until.as_ref().map_or(u128::MAX, place_of);
        self.ids.range(low..=high.max(low)).copied().filter(move |it| *it <= high)
    }

    fn len_of(&self, range: &IdRange) -> u64 {
        self.of(range).count() as u64
    }
}

#[async_trait]
impl IdIndex for Made {
    async fn count(&self, range: &IdRange) -> Result<Option<u64>, PortError> {
        Ok(Some(self.len_of(range)).filter(|it| *it <= self.most))
    }

    async fn first(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError> {
        Ok(self.of(range).next().and_then(id_at))
    }

    async fn last(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError> {
        Ok(self.of(range).next_back().and_then(id_at))
    }
}

fn run(made: &Made, whole: &IdRange, n_records: Option<u64>, cutting: Cutting) -> Vec<IdRange> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(cut(made, whole, n_records, cutting)).unwrap()
}

fn cutting(n_records: u64) -> Cutting {
    Cutting { n_records, n_questions: 1_000 }
}

fn start(raw: &str) -> u128 {
    place_of(&SalesforceId::parse(raw).unwrap())
}

#[test]
fn dense_ids_take_one_question_a_cut() {
    let made = Made::new((0..10_000).map(|it| start("500Mb0000000000") + it));

    let ranges = run(&made, &IdRange::default(), Some(10_000), cutting(1_000));

    let sizes: Vec<u64> = ranges.iter().map(|it| made.len_of(it)).collect();
    assert_eq!(sizes.len(), 16);
    assert!(sizes.iter().all(|it| (600..=1_000).contains(it)), "{sizes:?}");
    // Both ends of the whole, and a count for each of 15 cuts; the rest are those of this test.
    assert_eq!(made.n_asked.load(Ordering::Relaxed), 2 + 15 + 16);
}

#[test]
fn gaps_between_two_instances_are_skipped() {
    let old = (0..3_000).map(|it| start("5000000000001ab") + it);
    let new = (0..500).map(|it| start("500Mb0000000000") + it * 62 * 62);
    let made = Made::new(old.chain(new));

    let ranges = run(&made, &IdRange::default(), Some(3_500), cutting(1_000));

    let n_asked = made.n_asked.load(Ordering::Relaxed);
    let sizes: Vec<u64> = ranges.iter().map(|it| made.len_of(it)).collect();
    assert!(sizes.iter().all(|it| (500..=1_000).contains(it)), "{sizes:?}");
    assert!(n_asked < 20, "{n_asked}");
}

#[test]
fn object_too_large_to_be_counted_is_cut_nonetheless() {
    let ids = (0..20_000).map(|it| start("500Mb0000000000") + it * 7);
    let made = Made { most: 3_000, ..Made::new(ids) };

    let ranges = run(&made, &IdRange::default(), None, cutting(2_000));

    assert!(ranges.iter().all(|it| made.len_of(it) <= 2_000), "{ranges:?}");
}

#[test]
fn questions_end_and_nothing_is_lost() {
    let made = Made::new((0..100).map(|it| 1_u128 << it.min(88)).collect::<Vec<_>>());
    let few = Cutting { n_records: 1, n_questions: 10 };

    let ranges = run(&made, &IdRange::default(), Some(89), few);

    let asked = made.n_asked.load(Ordering::Relaxed);
    assert!(asked <= 12, "{asked}");
    assert_eq!(ranges.iter().map(|it| made.len_of(it)).sum::<u64>(), 89);
}

#[test]
fn empty_object_is_one_range() {
    let ranges = run(&Made::new([]), &IdRange::default(), Some(0), cutting(1));
    assert_eq!(ranges, [IdRange::default()]);
}

proptest! {
    /// Whatever the ids are, however many are said to be there: each lies in exactly one range,
    /// those that are made later too, and no range is larger than asked for while questions last.
    #[test]
    fn ranges_are_disjoint_and_whole(
        ids in prop::collection::vec("[0-9A-Za-z]{15}", 0..200),
        prefix in "[0-9A-Za-z]{0,13}",
        later in prop::collection::vec("[0-9A-Za-z]{15}", 0..20),
        bounds in prop::option::of(("[0-9A-Za-z]{15}", "[0-9A-Za-z]{15}")),
        n_records in 1_u64..50,
        said in prop::option::of(0_u64..300),
        n_questions in 0_u32..600,
    ) {
        let at = |raw: &String| {
            let raw = format!("{prefix}{}", &raw[prefix.len()..]);
            SalesforceId::parse(raw).unwrap()
        };
        let mut bounds = bounds.map(|(a, b)| [at(&a), at(&b)]);
        if let Some(bounds) = &mut bounds {
            bounds.sort();
        }
        let whole = match bounds {
            Some([after, until]) => IdRange { after: Some(after), until: Some(until) },
            None => IdRange::default(),
        };
        let made = Made::new(ids.iter().map(|it| place_of(&at(it))));
        let n_whole = made.len_of(&whole);
        let ranges = run(&made, &whole, said, Cutting { n_records, n_questions });

        let inside = |range: &IdRange, it: &SalesforceId| {
            range.after.as_ref().is_none_or(|after| it > after)
                && range.until.as_ref().is_none_or(|until| it <= until)
        };
        for id in ids.iter().chain(&later).map(at) {
            let n_holding = ranges.iter().filter(|it| inside(it, &id)).count();
            prop_assert_eq!(n_holding, usize::from(inside(&whole, &id)), "{:?}", ranges);
        }
        if said == Some(n_whole) && n_questions > 500 {
            for range in &ranges {
                prop_assert!(made.len_of(range) <= n_records);
            }
        }
    }
}
