//! Chooses the cheapest call that keeps what was asked for, and says why.
//!
//! Source: REST API and Bulk API 2.0 limits; each request counts as one call, a composite one too.

use std::fmt;

use serde::Serialize;

use crate::rest::{MAX_COLLECTION, MAX_COMPOSITE};

/// Rows of a query page. Source: REST API guide, "Query options header".
const QUERY_PAGE: u64 = 2_000;

/// Rows of a page of bulk results.
const BULK_PAGE: u64 = 50_000;

/// Rows of a part of an upload, at about 400 bytes a row in 100 MB.
const BULK_PART: u64 = 250_000;

/// Calls of a bulk query beside its pages: create, poll about six times, list the pages, delete.
const BULK_QUERY_CALLS: u64 = 9;

/// Calls of one job of an upload: create, upload, start, poll about six times, two result files, delete.
const BULK_PART_CALLS: u64 = 12;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Certain records are read, by their ids.
    ReadById,
    /// All records that a condition holds for are read.
    ReadAll,
    /// Records are created, updated, upserted or deleted.
    Write,
}

/// What a plan is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanQuestion {
    /// What is to be done.
    pub work: Work,
    /// With how many records.
    pub n_records: u64,
    /// Whether each is written only where nobody else wrote since.
    pub is_guarded: bool,
    /// Whether what was written is read back.
    pub reads_back: bool,
    /// From how many records on a bulk job may be begun; fewer wait for no job. `None` for never, as
    /// when the day's jobs are used.
    pub bulk_from: Option<u64>,
    /// The calls that may be made, where that is known.
    pub calls_left: Option<u64>,
}

impl PlanQuestion {
    /// Asks for `work` with `n_records`: without a guard, nothing read back, bulk jobs from 2,000
    /// records on, as many calls as it takes.
    pub fn new(work: Work, n_records: u64) -> Self {
        Self {
            work,
            n_records,
            is_guarded: false,
            reads_back: false,
            bulk_from: Some(2_000),
            calls_left: None,
        }
    }
}

/// How it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallMethod {
    /// One call for the one record.
    Single,
    /// Queries, 2,000 records a page.
    Query,
    /// Collections of 200 records.
    Collections,
    /// Composite calls: a collection of 200 records, and a query that reads them back.
    CollectionsReadBack,
    /// Composite calls of 25 updates, each with its own condition.
    ConditionalComposite,
    /// A bulk query.
    BulkQuery,
    /// Bulk uploads.
    BulkIngest,
}

impl fmt::Display for CallMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "a single call",
            Self::Query => "queries",
            Self::Collections => "collections of 200",
            Self::CollectionsReadBack => "collections of 200 with a query behind each",
            Self::ConditionalComposite => "composite calls of 25",
            Self::BulkQuery => "a bulk query",
            Self::BulkIngest => "a bulk upload",
        })
    }
}

/// How something is done, what it costs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallPlan {
    /// How it is done.
    pub method: CallMethod,
    /// The calls it takes, about; exactly but for bulk jobs, which are waited for.
    pub n_calls: u64,
    /// Whether it stays within the calls that are left.
    pub fits: bool,
    /// Why, in a sentence for people.
    pub reason: String,
}

impl CallPlan {
    /// Chooses the cheapest way that keeps the guard and the reading back. When even that takes more
    /// calls than are left, the plan says so and does not fit: it is not to be begun.
    pub fn of(question: &PlanQuestion) -> Self {
        let mut ways = ways(question);
        ways.sort_by_key(|(_, n_calls)| *n_calls);
        let (method, n_calls) = ways.first().copied().unwrap_or((CallMethod::Single, 0));
        let fits = question.calls_left.is_none_or(|left| n_calls <= left);
        let reason = reason(question, &ways, fits);
        Self { method, n_calls, fits, reason }
    }
}

/// Tells about how many calls it takes to read `n_records` by `n_ranges` bulk queries, and to find
/// the ranges: up to three for each.
pub(crate) fn calls_by_ranges(n_records: u64, n_ranges: u64) -> u64 {
    let each = BULK_QUERY_CALLS + 3;
    n_records.div_ceil(BULK_PAGE).saturating_add(n_ranges.saturating_mul(each))
}

/// Lists the ways that keep what was asked for, each with its calls.
fn ways(question: &PlanQuestion) -> Vec<(CallMethod, u64)> {
    let PlanQuestion { work, n_records: n, is_guarded, reads_back, .. } = *question;
    if n == 0 {
        return vec![(CallMethod::Single, 0)];
    }
    let read_back = if reads_back { n.div_ceil(QUERY_PAGE) } else { 0 };
    let mut ways = match work {
        Work::ReadById if n == 1 => vec![(CallMethod::Single, 1)],
        Work::ReadById | Work::ReadAll => vec![(CallMethod::Query, n.div_ceil(QUERY_PAGE))],
        Work::Write if n == 1 => vec![(CallMethod::Single, 1 + read_back)],
        Work::Write if is_guarded => {
            vec![(
                CallMethod::ConditionalComposite,
                n.div_ceil(as_count(MAX_COMPOSITE)) + read_back,
            )]
        }
        Work::Write if reads_back => {
            vec![(CallMethod::CollectionsReadBack, n.div_ceil(as_count(MAX_COLLECTION)))]
        }
        Work::Write => vec![(CallMethod::Collections, n.div_ceil(as_count(MAX_COLLECTION)))],
    };
    // A job knows no condition on a record's last change, and takes no list of ids.
    let takes_job = match work {
        Work::ReadById => false,
        Work::ReadAll => true,
        Work::Write => !is_guarded && n > 1,
    };
    // Few records wait for no job, but where nothing else stays within the calls that are left.
    let is_short = question.calls_left.is_some_and(|left| ways.iter().all(|it| it.1 > left));
    let may_begin = question.bulk_from.is_some_and(|from| n >= from || is_short);
    if takes_job && may_begin {
        ways.push(match work {
            Work::Write => {
                (CallMethod::BulkIngest, n.div_ceil(BULK_PART) * BULK_PART_CALLS + read_back)
            }
            _ => (CallMethod::BulkQuery, n.div_ceil(BULK_PAGE) + BULK_QUERY_CALLS),
        });
    }
    ways
}

fn as_count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn reason(question: &PlanQuestion, ways: &[(CallMethod, u64)], fits: bool) -> String {
    let PlanQuestion { n_records, is_guarded, .. } = *question;
    let Some(((method, n_calls), others)) = ways.split_first() else { return String::new() };
    let calls = |n: u64| if n == 1 { "1 call".to_owned() } else { format!("{n} calls") };
    let records =
        if n_records == 1 { "1 record".to_owned() } else { format!("{n_records} records") };
    let mut text = format!("{records}: {method}, {}", calls(*n_calls));
    if is_guarded && question.work == Work::Write && n_records > 1 {
        text.push_str("; nothing else checks that nobody wrote in between");
    } else if let Some((other, n_other)) = others.first() {
        text.push_str(&format!("; {other} would take {}", calls(*n_other)));
    } else if question.bulk_from.is_some_and(|from| n_records > 1 && n_records < from) {
        text.push_str("; too few to wait for a bulk job");
    }
    if let (false, Some(left)) = (fits, question.calls_left) {
        text.push_str(&format!("; only {left} are left, so it waits"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::CallMethod::{
        BulkIngest, BulkQuery, Collections, CollectionsReadBack, ConditionalComposite, Query,
        Single,
    };
    use super::*;

    fn ask(work: Work, n_records: u64) -> PlanQuestion {
        PlanQuestion::new(work, n_records)
    }

    fn guarded(n_records: u64) -> PlanQuestion {
        PlanQuestion { is_guarded: true, ..ask(Work::Write, n_records) }
    }

    fn read_back(n_records: u64) -> PlanQuestion {
        PlanQuestion { reads_back: true, ..ask(Work::Write, n_records) }
    }

    fn with_left(question: PlanQuestion, calls_left: u64) -> PlanQuestion {
        PlanQuestion { calls_left: Some(calls_left), ..question }
    }

    #[test]
    fn cheapest_way_that_keeps_the_guarantees_is_chosen() {
        use Work::{ReadAll, ReadById, Write};
        let no_bulk = |question| PlanQuestion { bulk_from: None, ..question };
        let cases = [
            (ask(ReadById, 1), Single, 1, true),
            (ask(ReadById, 2), Query, 1, true),
            (ask(ReadById, 100_000), Query, 50, true),
            (ask(ReadAll, 1), Query, 1, true),
            (ask(ReadAll, 18_000), Query, 9, true),
            (ask(ReadAll, 1_000_000), BulkQuery, 29, true),
            (no_bulk(ask(ReadAll, 1_000_000)), Query, 500, true),
            (ask(Write, 0), Single, 0, true),
            (ask(Write, 1), Single, 1, true),
            (ask(Write, 2), Collections, 1, true),
            (ask(Write, 200), Collections, 1, true),
            (ask(Write, 201), Collections, 2, true),
            (ask(Write, 2_000), Collections, 10, true),
            (ask(Write, 2_401), BulkIngest, 12, true),
            (ask(Write, 1_000_000), BulkIngest, 48, true),
            (no_bulk(ask(Write, 100_000)), Collections, 500, true),
            (guarded(1), Single, 1, true),
            (guarded(25), ConditionalComposite, 1, true),
            (guarded(26), ConditionalComposite, 2, true),
            (guarded(100_000), ConditionalComposite, 4_000, true),
            (read_back(1), Single, 2, true),
            (read_back(200), CollectionsReadBack, 1, true),
            (read_back(100_000), BulkIngest, 62, true),
            // Where calls are short a job is begun for fewer records.
            (with_left(ask(Write, 1_900), 10), Collections, 10, true),
            (with_left(ask(Write, 3_000), 12), BulkIngest, 12, true),
            (with_left(ask(Write, 3_000), 11), BulkIngest, 12, false),
            (
                with_left(PlanQuestion { bulk_from: Some(10_000), ..ask(Write, 3_000) }, 12),
                BulkIngest,
                12,
                true,
            ),
            // A guard is never given up for the budget.
            (with_left(guarded(1_000), 20), ConditionalComposite, 40, false),
            (with_left(ask(ReadById, 10_000), 4), Query, 5, false),
        ];
        for (question, method, n_calls, fits) in cases {
            let plan = CallPlan::of(&question);
            assert_eq!((plan.method, plan.n_calls, plan.fits), (method, n_calls, fits), "{plan:?}");
        }
    }

    #[test]
    fn reason_is_a_sentence_that_compares() {
        for (question, wanted) in [
            (ask(Work::Write, 1), "1 record: a single call, 1 call"),
            (
                ask(Work::Write, 1_000),
                "1000 records: collections of 200, 5 calls; too few to wait for a bulk job",
            ),
            (
                ask(Work::Write, 100_000),
                "100000 records: a bulk upload, 12 calls; collections of 200 would take 500 calls",
            ),
            (
                with_left(guarded(1_000), 20),
                "1000 records: composite calls of 25, 40 calls; nothing else checks that nobody \
                 wrote in between; only 20 are left, so it waits",
            ),
        ] {
            assert_eq!(CallPlan::of(&question).reason, wanted);
        }
    }
}
