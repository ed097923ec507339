//! The org behind the port that reads whole objects: by queries, or by a job where that is cheaper.

use async_trait::async_trait;
use shared::ids::ObjectName;
use shared::ports::{BulkJournal, BulkRead, BulkReadTotals, BulkReader, RecordSink, RemoteRecord};
use shared::{PortError, PortErrorKind};
use tracing::info;

use super::bulk_read_state::{Asked, Head, Note, ReadState, Way};
use super::bulk_read_take::{PIECE, Taker};
use super::id_range::IdRange;
use super::readable::{fault_of, is_about_a_field};
use super::{Purpose, SalesforceCrm, parse_id, rejected};
use crate::bulk::{BulkFault, BulkQuery, QueryJobState};
use crate::client::PLATFORM;
use crate::error::SalesforceFault;
use crate::plan::{CallMethod, PlanQuestion, Work};
use crate::rest::{AnyFields, Page, QueryScope, Wanted, read_page};
use crate::soql::{self, Condition, FieldPath, SelectError};

/// How often a reading, or one range of it, is begun anew before somebody must look.
pub(super) const MAX_ANEW: u32 = 3;

/// Codes of a count that takes longer than the org allows.
const TOO_MANY_TO_COUNT: [&str; 4] =
    ["QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED"];

/// A reading that takes more calls than are left.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct TooManyCalls {
    reason: String,
}

#[async_trait]
impl BulkReader for SalesforceCrm {
    async fn read_all(
        &self,
        query: &BulkRead,
        state: Option<&str>,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError> {
        let purpose = Purpose { operation: "read all", subject: query.object.as_str() };
        let mut state = match state {
            Some(state) => ReadState::parse(purpose, state, query)?,
            None => self.begin(purpose, query, false).await?,
        };
        let mut n_anew = 0;
        loop {
            let ReadState { head, way } = &mut state;
            let read = match way {
                Way::Query { .. } => self.read_by_query(purpose, &mut state, sink, journal).await,
                Way::Job(job) => self.read_by_job(head, job, sink, journal).await,
                Way::Ranges(parts) => {
                    self.read_by_ranges(purpose, head, parts, sink, journal).await
                }
            };
            let error = match read {
                Ok(totals) => return Ok(totals),
                Err(error) if n_anew >= MAX_ANEW => return Err(error),
                Err(error) => error,
            };
            n_anew += 1;
            state = self.anew(purpose, query, state, error).await?;
            info!(object = %query.object, "the reading of `{}` begins anew", query.object);
            state.save(journal).await?;
        }
    }

    async fn count(&self, object: &ObjectName) -> Result<u64, PortError> {
        let purpose = Purpose { operation: "count", subject: object.as_str() };
        match self.count_where(purpose, object, None, QueryScope::Live).await {
            Err(error) if is_too_many(&error) => {
                let counts = self.client.record_counts(std::slice::from_ref(object)).await?;
                let mut counts = counts.into_iter();
                let found = counts.find(|(name, _)| name.eq_ignore_ascii_case(object.as_str()));
                found.map(|(_, count)| count).ok_or(error)
            }
            counted => counted,
        }
    }
}

impl SalesforceCrm {
    /// Chooses how to read.
    async fn begin(
        &self,
        purpose: Purpose<'_>,
        query: &BulkRead,
        is_anew: bool,
    ) -> Result<ReadState, PortError> {
        let Purpose { operation, subject } = purpose;
        let BulkRead { object, fields, .. } = query;
        let readable = match is_anew {
            true => self.readable_now(object, fields).await?,
            false => self.readable(object, fields).await?,
        };
        let asked = Asked::from(query);
        let condition = condition(purpose, &asked, &IdRange::of(purpose, &asked)?)?;
        let scope = scope_of(&asked);
        let n_total = match self.count_where(purpose, object, condition.clone(), scope).await {
            Err(error) if is_too_many(&error) => None,
            counted => Some(counted?),
        };
        let plan = self.client.plan(&PlanQuestion {
            bulk_from: Some(self.bulk_from),
            ..PlanQuestion::new(Work::ReadAll, n_total.unwrap_or(u64::MAX))
        });
        if n_total.is_some() && !plan.fits {
            return Err(PortError::new(PortErrorKind::RateLimited, PLATFORM, operation, subject)
                .with_source(TooManyCalls { reason: plan.reason }));
        }
        let head = Head::new(asked, readable, n_total);
        let by_job = plan.method == CallMethod::BulkQuery || self.bulk_from == 0;
        let way = match by_job {
            false => Way::by_query(),
            true => match self.by_ranges(purpose, &head).await? {
                Some(parts) => Way::Ranges(parts),
                None => Way::Job(job_of(purpose, &head, &IdRange::of(purpose, &head.asked)?)?),
            },
        };
        Ok(ReadState { head, way })
    }

    /// Returns the state to go on with after `error`, when going on is of use.
    async fn anew(
        &self,
        purpose: Purpose<'_>,
        query: &BulkRead,
        mut state: ReadState,
        error: PortError,
    ) -> Result<ReadState, PortError> {
        match &mut state.way {
            // A field was hidden since: what was read so far says more than the rest would.
            _ if is_about_a_field(&error) => self.begin(purpose, query, true).await,
            // Not everything that queries read, a job takes.
            Way::Job(_) | Way::Ranges(_) if is_refused(&error) => {
                info!(object = %query.object, error = %shared::chain(&error),
                    "`{}` cannot be read by a job: queries read it", query.object);
                state.way = Way::by_query();
                Ok(state)
            }
            Way::Job(job) if is_lost(&error) => {
                job.begin_anew();
                Ok(state)
            }
            _ => Err(error),
        }
    }

    /// Reads in the order of the ids, each page noted: whoever goes on begins behind it.
    async fn read_by_query(
        &self,
        purpose: Purpose<'_>,
        state: &mut ReadState,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError> {
        let Purpose { operation, subject } = purpose;
        let names = state.head.names();
        let shape = Wanted::new(&names);
        loop {
            let mut range = IdRange::of(purpose, &state.head.asked)?;
            if let Way::Query { after: Some(last), .. } = &state.way {
                range.after = Some(last.clone());
            }
            let condition = condition(purpose, &state.head.asked, &range)?;
            let soql = soql::select_by_ids(&state.head.asked.object, &names, condition)
                .map_err(|error| rejected(purpose, error))?;
            let scope = scope_of(&state.head.asked);
            let answer = self.client.query_json(operation, subject, &soql, scope).await?;
            let mut page = answer.read(|json| read_page(json, &shape))?;
            loop {
                let Page { rows, next, .. } = page;
                let is_empty = rows.is_empty();
                let n_read = take_rows(purpose, state, rows, sink).await?;
                sink.progress(state.head.totals(n_read));
                let Some(mark) = next else {
                    let n_total = Some(n_read);
                    return Ok(BulkReadTotals { n_read, n_total });
                };
                state.save(journal).await?;
                page = match self.client.more_rows(operation, subject, &mark, &shape).await {
                    // The mark was left too long: the query begins behind what was taken.
                    Err(error) if error.kind() == PortErrorKind::NotFound && !is_empty => break,
                    page => page?,
                };
            }
        }
    }

    async fn read_by_job(
        &self,
        head: &Head,
        job: &mut QueryJobState,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError> {
        let taker = Taker::new(head, sink, job.n_read());
        let note = Note { journal, head };
        let report = self.bulk_query().run(job, &note, |page| taker.take(page)).await?;
        Ok(taker.finish(report.n_records))
    }

    pub(super) fn bulk_query(&self) -> BulkQuery {
        let query = self.client.bulk_query().with_pace(self.pace);
        match self.page_records {
            Some(n_records) => query.with_page_records(n_records),
            None => query,
        }
    }

    pub(super) async fn count_where(
        &self,
        purpose: Purpose<'_>,
        object: &ObjectName,
        condition: Option<Condition>,
        scope: QueryScope,
    ) -> Result<u64, PortError> {
        let Purpose { operation, subject } = purpose;
        let soql = soql::count_where(object, condition).map_err(|it| rejected(purpose, it))?;
        let answer = self.client.query_json(operation, subject, &soql, scope).await?;
        let page = answer.read(|json| read_page(json, &AnyFields))?;
        page.n_total.ok_or_else(|| rejected(purpose, NoCount))
    }
}

/// An answer that does not say how many records there are.
#[derive(Debug, thiserror::Error)]
#[error("the answer to a count has no `totalSize`")]
struct NoCount;

/// Hands on the rows of a page, and notes the last one; returns how many were taken in all.
async fn take_rows(
    purpose: Purpose<'_>,
    state: &mut ReadState,
    rows: Vec<RemoteRecord>,
    sink: &dyn RecordSink,
) -> Result<u64, PortError> {
    let last = rows.last().map(|it| parse_id(purpose, &it.record_id)).transpose()?;
    let n_rows = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let mut rows = rows.into_iter().map(|it| state.head.mark(it)).peekable();
    while rows.peek().is_some() {
        sink.take(rows.by_ref().take(PIECE).collect()).await?;
    }
    drop(rows);
    let Way::Query { after, n_read } = &mut state.way else { return Ok(n_rows) };
    *n_read += n_rows;
    if last.is_some() {
        *after = last;
    }
    Ok(*n_read)
}

pub(super) fn scope_of(asked: &Asked) -> QueryScope {
    if asked.reads_deleted { QueryScope::All } else { QueryScope::Live }
}

/// Makes the job that reads what lies in `range`.
pub(super) fn job_of(
    purpose: Purpose<'_>,
    head: &Head,
    range: &IdRange,
) -> Result<QueryJobState, PortError> {
    let condition = condition(purpose, &head.asked, range)?;
    let soql = soql::select_where(&head.asked.object, &head.names(), condition)
        .map_err(|error| rejected(purpose, error))?;
    Ok(QueryJobState::new(soql, scope_of(&head.asked)))
}

/// Says which records are read: those of `range`.
pub(super) fn condition(
    purpose: Purpose<'_>,
    asked: &Asked,
    range: &IdRange,
) -> Result<Option<Condition>, PortError> {
    let path = |name: &str| {
        FieldPath::parse(name).map_err(|error| rejected(purpose, SelectError::from(error)))
    };
    let mut conditions = Vec::new();
    if let Some(from) = asked.from {
        conditions.push(path("SystemModstamp")?.is_at_least(from.to_second()));
    }
    if let Some(after) = &range.after {
        conditions.push(path("Id")?.is_above(after));
    }
    if let Some(until) = &range.until {
        conditions.push(path("Id")?.is_at_most(until));
    }
    Ok(Condition::all(conditions))
}

pub(super) fn is_too_many(error: &PortError) -> bool {
    let known = fault_of(error).and_then(SalesforceFault::known);
    known.is_some_and(|it| TOO_MANY_TO_COUNT.contains(&it.code))
}

/// Tells whether a job will never end well: the org forgets jobs after seven days, and one that was
/// ended never goes on.
pub(super) fn is_lost(error: &PortError) -> bool {
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref());
    error.kind() == PortErrorKind::NotFound
        || matches!(source, Some(BulkFault::JobFailed { .. } | BulkFault::JobAborted { .. }))
}

/// Tells whether the org refused a job, and not whoever took its records.
pub(super) fn is_refused(error: &PortError) -> bool {
    error.kind() == PortErrorKind::Rejected && fault_of(error).is_some()
}
