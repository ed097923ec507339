//! What every counting of cases must do, as code: see the contract of [`CaseTally`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::sync::Arc;

use super::case_store::{CaseStore, Write, WriteKind};
use super::case_store_contract::{next_write, sample_write, text_fields};
use super::case_tally::{CaseDimension, CaseMeasure, CaseTally, DayTally, TallyQuery};
use super::walls::{Stance, Walls};
use super::walls_contract::sample_wall;
use crate::auth::Sight;
use crate::ids::PersonId;
use crate::model::Entity;

const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// Checks the counting of cases, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn case_tally_contract<S, F, Fut>(open: F)
where
    S: CaseStore + CaseTally + Walls,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    cases_are_counted_by_day_and_group(&*open().await).await;
    hidden_and_deleted_cases_are_not_counted(&*open().await).await;
}

fn case(number: u32, court: &str, opened: &str, closed: &str) -> Write {
    let fields = [("title", "Doe v. Roe"), ("court", court), ("opened_at", opened)];
    let mut row = text_fields(fields);
    if !closed.is_empty() {
        row.extend(text_fields([("closed_at", closed)]));
    }
    row.retain(|_, value| value.as_text().is_some());
    sample_write(Entity::Case, number, row)
}

/// Counts, in order; a closed case's time in days.
async fn tally<S: CaseTally>(
    store: &S,
    sight: &Sight,
    (measure, by): (CaseMeasure, Option<CaseDimension>),
) -> Vec<(Option<String>, i64, u64, f64)> {
    let query = TallyQuery { measure, by, from_day: -1, until_day: 40 };
    let row = |it: DayTally| (it.group, it.day, it.n_cases, it.total_ms / MILLIS_PER_DAY);
    let mut rows: Vec<_> = store.tally(sight, &query).await.unwrap().into_iter().map(row).collect();
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
    rows
}

async fn cases_are_counted_by_day_and_group<S: CaseStore + CaseTally>(store: &S) {
    for write in [
        case(1, "Cook", "1970-01-01T00:00:00.000Z", "1970-01-03T12:00:00.000Z"),
        case(2, "Cook", "1970-01-01T23:59:59.999Z", ""),
        case(3, "", "1969-12-31T23:59:59.999Z", "1970-01-03T00:00:00.000Z"),
        // Closed before it was opened, and beyond the days that are asked for.
        case(4, "Kern", "1970-01-05T00:00:00.000Z", "1970-01-04T00:00:00.000Z"),
        case(5, "Kern", "1970-03-01T00:00:00.000Z", ""),
        case(6, "Kern", "", ""),
    ] {
        store.apply(write).await.unwrap();
    }
    let all = Sight::Everything;
    let cook = || Some("Cook".to_owned());
    let kern = || Some("Kern".to_owned());

    let opened = tally(store, &all, (CaseMeasure::Opened, None)).await;
    assert_eq!(opened, [(None, -1, 1, 0.0), (None, 0, 2, 0.0), (None, 4, 1, 0.0)]);
    let by = Some(CaseDimension::Court);
    let opened = tally(store, &all, (CaseMeasure::Opened, by)).await;
    assert_eq!(opened, [(None, -1, 1, 0.0), (cook(), 0, 2, 0.0), (kern(), 4, 1, 0.0)]);
    let closed = tally(store, &all, (CaseMeasure::Closed, None)).await;
    assert_eq!(closed, [(None, 2, 2, 0.0), (None, 3, 1, 0.0)]);
    let times = tally(store, &all, (CaseMeasure::TimeToClose, by)).await;
    let days: Vec<_> = times.into_iter().map(|it| (it.0, it.2, (it.3 * 100.0).round())).collect();
    assert_eq!(days, [(None, 1, 200.0), (cook(), 1, 250.0)]);
}

async fn hidden_and_deleted_cases_are_not_counted<S>(store: &S)
where
    S: CaseStore + CaseTally + Walls,
{
    let at = "1970-01-01T10:00:00.000Z";
    for number in 1..=4 {
        store.apply(case(number, "Cook", at, at)).await.unwrap();
    }
    store.apply(next_write(case(4, "Cook", at, at), WriteKind::Deleted, 1)).await.unwrap();
    let hidden = case(2, "", at, "").entity_id;
    store.set_wall(&sample_wall(&hidden, "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&hidden, "carl", Stance::Assigned)).await.unwrap();
    let person = |name: &str| PersonId::parse(name).unwrap();

    for (sight, n) in [
        (Sight::Everything, 3),
        (Sight::AllBut(person("anna")), 2),
        (Sight::Only(person("carl")), 1),
        (Sight::Only(person("olga")), 0),
    ] {
        for measure in [CaseMeasure::Opened, CaseMeasure::Closed, CaseMeasure::TimeToClose] {
            for by in [None, Some(CaseDimension::Court)] {
                let rows = tally(store, &sight, (measure, by)).await;
                let counted: u64 = rows.iter().map(|it| it.2).sum();
                assert_eq!(counted, n, "{sight:?} {measure:?} {by:?}");
            }
        }
    }
}
