//! Logs of functions in the memory of this process, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::log_search::{
    AnswerForm, BegunSearch, FoundLogs, LineFilter, LogAnswer, LogLine, LogQuestion, LogRow,
    LogSearch, LogWish,
};
use crate::error::{PortError, PortErrorKind};
use crate::time::Timestamp;

const PLATFORM: &str = "memory";

/// Lines in memory. It knows one query, `all`, whose rows are the lines. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct MemoryLogSearch {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lines: BTreeMap<String, Vec<(Timestamp, String)>>,
    searches: BTreeMap<String, Search>,
    begin_after: Duration,
    answer_after: Duration,
    n_looks: usize,
    n_stopped: usize,
}

#[derive(Debug)]
struct Search {
    question: LogQuestion,
    ready_at: Instant,
    is_stopped: bool,
}

impl MemoryLogSearch {
    /// Has `function` have written `written` at `at`.
    pub fn write(&self, function: &str, at: Timestamp, written: &str) {
        let mut state = self.state();
        state.lines.entry(function.to_owned()).or_default().push((at, written.to_owned()));
    }

    /// Has each further search begin only after some time.
    pub fn begin_after(&self, time: Duration) {
        self.state().begin_after = time;
    }

    /// Has each further search run for some time.
    pub fn answer_after(&self, time: Duration) {
        self.state().answer_after = time;
    }

    /// Counts how often an answer was asked for.
    pub fn n_looks(&self) -> usize {
        self.state().n_looks
    }

    /// Counts the searches that were stopped while they ran.
    pub fn n_stopped(&self) -> usize {
        self.state().n_stopped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, question: &LogQuestion) -> LogAnswer {
        let time = question.from..=question.until;
        let is_asked =
            |it: &&String| question.functions.is_empty() || question.functions.contains(it);
        let filter = match &question.wish {
            LogWish::Lines(filter) => filter.clone(),
            LogWish::Query(_) => LineFilter::default(),
        };
        let mut lines = Vec::new();
        for function in self.lines.keys().filter(is_asked) {
            for (at, written) in self.lines.get(function).into_iter().flatten() {
                let line = LogLine::read(*at, function.clone(), written);
                if time.contains(at) && passes(&line, written, &filter) {
                    lines.push(line);
                }
            }
        }
        lines.sort_by_key(|it| it.at);
        let n_matched = lines.len();
        let limit = question.limit.map_or(n_matched, |it| usize::try_from(it).unwrap_or(n_matched));
        let found = match question.wish {
            LogWish::Lines(_) => FoundLogs::Lines(lines.split_off(n_matched.saturating_sub(limit))),
            LogWish::Query(_) => FoundLogs::Rows(lines.iter().take(limit).map(row).collect()),
        };
        LogAnswer { found, n_matched: n_matched as u64, scanned_bytes: 0 }
    }
}

fn row(line: &LogLine) -> LogRow {
    let at = ("at".to_owned(), line.at.to_string());
    LogRow(vec![at, ("message".to_owned(), line.message.clone())])
}

fn passes(line: &LogLine, written: &str, filter: &LineFilter) -> bool {
    let LineFilter { least_level, correlation_id, contains } = filter;
    let is_platform = line.fields.get("type").and_then(Value::as_str).is_some();
    let is_grave = match (least_level, line.level) {
        (None, _) => true,
        (Some(least), Some(level)) => level >= *least,
        (Some(_), None) => !is_platform,
    };
    let is_of = correlation_id
        .as_ref()
        .is_none_or(|it| line.correlation_id.as_deref() == Some(it.as_str()));
    let low = |text: &str| text.to_ascii_lowercase();
    let unescaped = written.replace("\\\"", "\"").replace("\\\\", "\\");
    let has = contains.as_ref().is_none_or(|it| {
        low(written).contains(&low(it.as_str())) || low(&unescaped).contains(&low(it.as_str()))
    });
    is_grave && is_of && has
}

fn error(kind: PortErrorKind, operation: &'static str, subject: &str) -> PortError {
    PortError::new(kind, PLATFORM, operation, subject)
}

#[async_trait]
impl LogSearch for MemoryLogSearch {
    async fn begin(&self, question: &LogQuestion) -> Result<BegunSearch, PortError> {
        let begin_after = self.state().begin_after;
        sleep(begin_after).await;
        let mut state = self.state();
        let unknown = question.functions.iter().find(|it| !state.lines.contains_key(*it));
        if let Some(unknown) = unknown {
            let there = state.lines.keys().cloned().collect::<Vec<_>>().join(", ");
            let there = format!("there are only: {there}");
            return Err(error(PortErrorKind::NotFound, "search logs", unknown).with_source(there));
        }
        let form = match &question.wish {
            LogWish::Lines(_) => AnswerForm::Lines,
            LogWish::Query(query) if query == "all" => AnswerForm::Rows,
            LogWish::Query(query) => {
                return Err(error(PortErrorKind::Rejected, "search logs", query));
            }
        };
        let id = state.searches.len().to_string();
        let ready_at = Instant::now() + state.answer_after;
        let search = Search { question: question.clone(), ready_at, is_stopped: false };
        state.searches.insert(id.clone(), search);
        Ok(BegunSearch { id, form })
    }

    async fn answer(&self, search: &BegunSearch) -> Result<Option<LogAnswer>, PortError> {
        let mut state = self.state();
        state.n_looks += 1;
        match state.searches.get(&search.id) {
            None => Err(error(PortErrorKind::NotFound, "read answer", &search.id)),
            Some(it) if it.is_stopped => {
                Err(error(PortErrorKind::Rejected, "read answer", &search.id))
            }
            Some(it) if it.ready_at > Instant::now() => Ok(None),
            Some(it) => Ok(Some(state.find(&it.question))),
        }
    }

    async fn stop(&self, search: &BegunSearch) -> Result<(), PortError> {
        let mut state = self.state();
        let Some(found) = state.searches.get_mut(&search.id) else {
            return Err(error(PortErrorKind::NotFound, "stop search", &search.id));
        };
        if found.ready_at > Instant::now() {
            found.is_stopped = true;
            state.n_stopped += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_search_contract::{
        LINES, filters_contract, log_search_contract, stopped_search_contract,
    };
    use super::*;

    fn logs(at: Timestamp) -> MemoryLogSearch {
        let logs = MemoryLogSearch::default();
        for (function, after, written) in LINES {
            logs.write(function, at.plus(after), written);
        }
        logs
    }

    #[tokio::test(start_paused = true)]
    async fn memory_keeps_the_contract() {
        let at = Timestamp::parse("2026-01-31T09:30:00Z").unwrap();
        let logs = logs(at);
        log_search_contract(&logs, at, "all").await;
        filters_contract(&logs, at).await;
        logs.answer_after(Duration::from_secs(60));
        stopped_search_contract(&logs, at).await;
    }
}
