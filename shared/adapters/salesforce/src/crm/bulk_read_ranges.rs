//! A very large object, read by several bulk jobs over ranges of ids (ADR 0023 tells why).

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use shared::PortError;
use shared::ids::SalesforceId;
use shared::ports::{BulkJournal, BulkReadTotals, RecordSink};
use tokio::sync::Mutex;
use tracing::info;

use super::bulk_read::{MAX_ANEW, condition, is_lost, is_refused, is_too_many, job_of, scope_of};
use super::bulk_read_state::{Asked, Head, RangePart, RangeProgress, ReadState, Way};
use super::bulk_read_take::Taker;
use super::id_range::IdRange;
use super::id_ranges::{Cutting, IdIndex, cut};
use super::{Purpose, SalesforceCrm, rejected};
use crate::bulk::{JobJournal, QueryJobState};
use crate::client::ApiUsage;
use crate::plan::calls_by_ranges;
use crate::rest::{AnyFields, read_page};
use crate::soql::{self, Direction};

/// Jobs that run at a time. The org runs more, but all users of the org share what it can do.
const N_JOBS: usize = 3;

/// Pages that are read at a time of each job.
const N_PAGES: usize = 2;

/// Ranges at most, so that a reading takes few of the day's 10,000 query jobs, and its state stays
/// short. Source: Bulk API 2.0 limits, "Max bulk v2 query jobs".
const MAX_RANGES: u64 = 200;

/// Questions for the ranges, for each range that there will be about.
const QUESTIONS_A_RANGE: u64 = 3;

/// Questions that even few ranges may take: gaps between ids cost some.
const MIN_QUESTIONS: u64 = 40;

/// When and how a reading is cut into ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RangeRule {
    /// From how many records on.
    pub(super) from: u64,
    /// The records of a range, at most where that can be had.
    pub(super) n_records: u64,
}

impl Default for RangeRule {
    /// Below two million one job is done sooner than ranges are found and several jobs are begun.
    /// A query that filters by id is not chunked by the org, so that a range has to be of a size that
    /// the org reads in one go: half a million, as Estuary's connector reads.
    fn default() -> Self {
        Self { from: 2_000_000, n_records: 500_000 }
    }
}

impl RangeRule {
    /// Tells how to cut `n_records`, if that is known; `None` when they are too few.
    fn cutting(self, n_records: Option<u64>) -> Option<(Cutting, u64)> {
        let n_all = n_records.unwrap_or(self.n_records.saturating_mul(MAX_RANGES / 2));
        if n_all < self.from {
            return None;
        }
        let n_records = self.n_records.max(n_all.div_ceil(MAX_RANGES / 2));
        // Halves are between half as large as asked for and that large.
        let n_ranges = n_all.div_ceil(n_records).saturating_mul(2);
        let n_questions = (n_ranges * QUESTIONS_A_RANGE).max(MIN_QUESTIONS);
        let n_questions = u32::try_from(n_questions).unwrap_or(u32::MAX);
        Some((Cutting { n_records, n_questions }, n_ranges))
    }
}

/// The state of a reading by ranges, written by several jobs at a time.
struct Parts<'a> {
    head: &'a Head,
    journal: &'a dyn BulkJournal,
    all: Mutex<Vec<RangePart>>,
}

impl Parts<'_> {
    /// Notes how far one range has come. States are saved in the order in which they came to be.
    async fn note(&self, idx: usize, progress: RangeProgress) -> Result<(), PortError> {
        let mut all = self.all.lock().await;
        if let Some(part) = all.get_mut(idx) {
            part.progress = progress;
        }
        let (head, way) = (self.head.clone(), Way::Ranges(all.clone()));
        ReadState { head, way }.save(self.journal).await
    }
}

/// Keeps the state of the job of one range.
struct PartNote<'a> {
    parts: &'a Parts<'a>,
    idx: usize,
}

#[async_trait]
impl JobJournal<QueryJobState> for PartNote<'_> {
    async fn save(&self, state: &QueryJobState) -> Result<(), PortError> {
        self.parts.note(self.idx, RangeProgress::Reading(Box::new(state.clone()))).await
    }
}

/// The records of the org that a reading is about.
struct OrgIds<'a> {
    crm: &'a SalesforceCrm,
    purpose: Purpose<'a>,
    asked: &'a Asked,
}

impl OrgIds<'_> {
    async fn end(
        &self,
        range: &IdRange,
        direction: Direction,
    ) -> Result<Option<SalesforceId>, PortError> {
        let Self { crm, purpose, asked } = *self;
        let condition = condition(purpose, asked, range)?;
        let soql = soql::select_first_id(&asked.object, condition, direction)
            .map_err(|error| rejected(purpose, error))?;
        let Purpose { operation, subject } = purpose;
        let answer = crm.client.query_json(operation, subject, &soql, scope_of(asked)).await?;
        let page = answer.read(|json| read_page(json, &AnyFields))?;
        let id = page.rows.first().and_then(|row| row.get("Id")?.as_text());
        id.map(SalesforceId::parse).transpose().map_err(|error| rejected(purpose, error))
    }
}

#[async_trait]
impl IdIndex for OrgIds<'_> {
    async fn count(&self, range: &IdRange) -> Result<Option<u64>, PortError> {
        let Self { crm, purpose, asked } = *self;
        let condition = condition(purpose, asked, range)?;
        match crm.count_where(purpose, &asked.object, condition, scope_of(asked)).await {
            Err(error) if is_too_many(&error) => Ok(None),
            counted => counted.map(Some),
        }
    }

    async fn first(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError> {
        self.end(range, Direction::Ascending).await
    }

    async fn last(&self, range: &IdRange) -> Result<Option<SalesforceId>, PortError> {
        self.end(range, Direction::Descending).await
    }
}

impl SalesforceCrm {
    /// Finds the ranges to read by; `None` when one job is to read all: there are too few records, or
    /// too few calls are left for more jobs, or the org cannot tell where its ids begin and end.
    pub(super) async fn by_ranges(
        &self,
        purpose: Purpose<'_>,
        head: &Head,
    ) -> Result<Option<Vec<RangePart>>, PortError> {
        let Some((cutting, n_ranges)) = self.ranges.cutting(head.n_total) else { return Ok(None) };
        let n_calls = calls_by_ranges(head.n_total.unwrap_or(0), n_ranges);
        if self.client.usage().map(ApiUsage::n_left).is_some_and(|left| left < n_calls) {
            info!(object = %head.asked.object, n_calls,
                "too few calls are left to read `{}` by ranges: one job reads it", head.asked.object);
            return Ok(None);
        }
        let whole = IdRange::of(purpose, &head.asked)?;
        let index = OrgIds { crm: self, purpose, asked: &head.asked };
        let ranges = match cut(&index, &whole, head.n_total, cutting).await {
            Err(error) if is_too_many(&error) => return Ok(None),
            ranges => ranges?,
        };
        info!(object = %head.asked.object, n_ranges = ranges.len(),
            "`{}` is read by {} ranges of ids", head.asked.object, ranges.len());
        let parts: Vec<RangePart> = ranges.into_iter().map(RangePart::new).collect();
        Ok(Some(parts).filter(|it| it.len() > 1))
    }

    /// Reads what is left of each range, some at a time.
    pub(super) async fn read_by_ranges(
        &self,
        purpose: Purpose<'_>,
        head: &Head,
        parts: &mut Vec<RangePart>,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError> {
        let taker = Taker::new(head, sink, parts.iter().map(RangePart::n_read).sum());
        let mut left = parts.clone().into_iter().enumerate();
        let shared = Parts { head, journal, all: Mutex::new(std::mem::take(parts)) };
        let mut under_way = FuturesUnordered::new();
        let read = loop {
            while under_way.len() < N_JOBS {
                let Some((idx, part)) = left.next() else { break };
                let note = PartNote { parts: &shared, idx };
                under_way.push(self.read_range(purpose, part, note, &taker));
            }
            match under_way.next().await {
                Some(Ok(())) => {}
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        drop(under_way);
        *parts = shared.all.into_inner();
        read?;
        Ok(taker.finish(parts.iter().map(RangePart::n_read).sum()))
    }

    /// Reads one range; a job that will never end well is begun anew, and no other with it.
    async fn read_range(
        &self,
        purpose: Purpose<'_>,
        part: RangePart,
        note: PartNote<'_>,
        taker: &Taker<'_>,
    ) -> Result<(), PortError> {
        let PartNote { parts, idx } = note;
        let mut job = match part.progress {
            RangeProgress::Done { .. } => return Ok(()),
            RangeProgress::Reading(job) => *job,
            RangeProgress::Waiting => job_of(purpose, parts.head, &part.range)?,
        };
        let query = self.bulk_query().with_parallel(N_PAGES);
        let mut n_anew = 0;
        loop {
            let error = match query.run(&mut job, &note, |page| taker.take(page)).await {
                Ok(report) => {
                    let n_read = report.n_records;
                    return parts.note(idx, RangeProgress::Done { n_read }).await;
                }
                Err(error) => error,
            };
            if n_anew >= MAX_ANEW || is_refused(&error) || !is_lost(&error) {
                return Err(error);
            }
            n_anew += 1;
            info!(object = purpose.subject, error = %shared::chain(&error), range = idx,
                "range {idx} of `{}` is read anew", purpose.subject);
            taker.forget(job.n_read());
            job.begin_anew();
            note.save(&job).await?;
        }
    }
}
