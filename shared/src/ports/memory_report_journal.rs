//! The journal of reports in memory: for tests, and for trying things out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::pipeline_journal::Kept;
use super::report_journal::{Report, ReportFilter, ReportJournal, ReportKind, ReportReader};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::{CorrelationId, PersonId};

/// A journal that lives in this process.
#[derive(Default)]
pub struct MemoryReportJournal(Mutex<State>);

#[derive(Default)]
struct State {
    reports: BTreeMap<CorrelationId, Kept<Report>>,
    /// Who is screened from which case, and who is assigned to which.
    screened: BTreeSet<(PersonId, String)>,
    assigned: BTreeSet<(PersonId, String)>,
}

impl MemoryReportJournal {
    /// Hides the case `subject` from `person`.
    pub fn screen(&self, person: &PersonId, subject: &str) {
        self.state().screened.insert((person.clone(), subject.to_owned()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_shown(&self, report: &Report, reader: &ReportReader) -> bool {
        let ReportReader::Person { person, sight, sees_all, may_pipelines } = reader else {
            return true;
        };
        let is_own = report.sight.person() == Some(person);
        let is_for_all = report.sight == Sight::Everything;
        match report.kind {
            ReportKind::Firm => is_own || is_for_all && *sees_all,
            ReportKind::Pipeline => *may_pipelines && (is_own || is_for_all),
            ReportKind::Case => {
                let case = (person.clone(), report.subject.clone().unwrap_or_default());
                let is_seen = match sight {
                    Sight::Everything => true,
                    Sight::AllBut(_) => !self.screened.contains(&case),
                    Sight::Only(_) => self.assigned.contains(&case),
                };
                is_own && is_seen
            }
        }
    }
}

#[async_trait]
impl ReportJournal for MemoryReportJournal {
    async fn open_report(&self, report: &Report) -> Result<Report, PortError> {
        let mut state = self.state();
        let is_same = |it: &&Kept<Report>| {
            let has_key = report.idempotency_key.is_some() && it.value.report == report.report;
            it.value.id == report.id
                || has_key && it.value.idempotency_key == report.idempotency_key
        };
        if let Some(found) = state.reports.values().find(is_same) {
            return Ok(found.value.clone());
        }
        let kept = Kept { value: report.clone(), revision: 1 };
        state.reports.insert(report.id.clone(), kept);
        Ok(report.clone())
    }

    async fn report(&self, id: &CorrelationId) -> Result<Option<Kept<Report>>, PortError> {
        Ok(self.state().reports.get(id).cloned())
    }

    async fn put_report(&self, report: &Report, revision: u64) -> Result<bool, PortError> {
        let mut state = self.state();
        match state.reports.get_mut(&report.id) {
            Some(kept) if kept.revision == revision => {
                *kept = Kept { value: report.clone(), revision: revision + 1 };
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn reports(&self, filter: &ReportFilter) -> Result<Vec<Report>, PortError> {
        let state = self.state();
        let is_wanted = |it: &&Report| {
            filter.id.as_ref().is_none_or(|id| *id == it.id)
                && filter.report.as_ref().is_none_or(|name| *name == it.report)
                && filter.kind.is_none_or(|kind| kind == it.kind)
                && filter.state.is_none_or(|state| state == it.state)
                && filter
                    .before
                    .as_ref()
                    .is_none_or(|(at, id)| (it.requested_at, &it.id) < (*at, id))
                && state.is_shown(it, &filter.reader)
        };
        let mut found: Vec<_> =
            state.reports.values().map(|it| &it.value).filter(is_wanted).collect();
        found.sort_by(|a, b| (b.requested_at, &b.id).cmp(&(a.requested_at, &a.id)));
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        Ok(found.into_iter().take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::report_journal_contract::{report_journal_contract, screened_case, watcher};

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let journal = MemoryReportJournal::default();
        journal.screen(&watcher(), screened_case().as_str());
        report_journal_contract(&journal).await;
    }
}
