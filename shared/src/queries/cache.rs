//! Answers that were worked out, kept as long as what they were made of stays the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::future::{BoxFuture, Shared, WeakShared};
use futures_util::{FutureExt as _, TryStreamExt as _};
use metrics::{counter, gauge, histogram};

use super::answer::{Answer, QueryFigures};
use super::error::QueryError;
use crate::auth::Sight;
use crate::ports::{PreparedQuery, Query, QueryEngine, QueryLimits};

/// Of all that is kept, the part that one answer may be.
const LARGEST_PART: usize = 4;

type Outcome = Result<Arc<Answer>, QueryError>;
type Running = Shared<BoxFuture<'static, Outcome>>;

/// What answers must have in common: what was asked of what state, and how many rows of it.
type Key = (String, usize);

/// An answer, and where it came from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The answer.
    pub answer: Arc<Answer>,
    /// Whether it was there already.
    pub was_kept: bool,
}

/// Answers questions, and keeps the answers.
///
/// The tag of a question changes with the tables that it reads, so that nothing is ever kept too long;
/// what is not asked for is thrown out when room is needed, the least recently used first. The same
/// question, asked by many at once, is worked out once; when all of them leave, no further.
pub struct AnswerCache {
    engine: Arc<dyn QueryEngine>,
    max_bytes: usize,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Key, (Arc<Answer>, u64)>,
    /// The keys in the order in which they were used last.
    order: BTreeMap<u64, Key>,
    n_used: u64,
    n_bytes: usize,
    running: HashMap<Key, WeakShared<BoxFuture<'static, Outcome>>>,
}

impl Kept {
    fn get(&mut self, key: &Key) -> Option<Arc<Answer>> {
        let (answer, used) = self.answers.get_mut(key)?;
        self.n_used += 1;
        self.order.remove(used);
        self.order.insert(self.n_used, key.clone());
        *used = self.n_used;
        Some(Arc::clone(answer))
    }

    fn keep(&mut self, key: Key, answer: &Arc<Answer>, max_bytes: usize) {
        let n_bytes = answer.n_bytes();
        if n_bytes > max_bytes / LARGEST_PART || self.answers.contains_key(&key) {
            return;
        }
        while self.n_bytes + n_bytes > max_bytes {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            if let Some((gone, _)) = self.answers.remove(&oldest) {
                self.n_bytes = self.n_bytes.saturating_sub(gone.n_bytes());
            }
        }
        self.n_bytes += n_bytes;
        self.n_used += 1;
        self.order.insert(self.n_used, key.clone());
        self.answers.insert(key, (Arc::clone(answer), self.n_used));
    }
}

fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AnswerCache {
    /// Asks `engine`, and keeps about `max_bytes` of answers.
    pub fn new(engine: Arc<dyn QueryEngine>, max_bytes: usize) -> Self {
        Self { engine, max_bytes, kept: Arc::default() }
    }

    /// Answers `query` as far as `sight` shows.
    ///
    /// # Errors
    ///
    /// [`QueryError`]. A failure is told to all who wait for the same answer, and is not kept.
    pub async fn answer(
        &self,
        query: &Query,
        sight: &Sight,
        limits: QueryLimits,
    ) -> Result<Found, QueryError> {
        let begun = Instant::now();
        let found = self.found(query, sight, limits).await;
        let outcome = found.as_ref().map_or_else(QueryError::outcome, |_| "ok");
        counter!("queries_total", "outcome" => outcome).increment(1);
        histogram!("query_seconds").record(begun.elapsed().as_secs_f64());
        found
    }

    /// Names what `query` would be answered with as far as `sight` shows, and works out nothing.
    ///
    /// # Errors
    ///
    /// [`QueryError`].
    pub async fn tag(&self, query: &Query, sight: &Sight) -> Result<String, QueryError> {
        Ok(self.engine.prepare(query, sight).await?.tag().to_owned())
    }

    async fn found(
        &self,
        query: &Query,
        sight: &Sight,
        limits: QueryLimits,
    ) -> Result<Found, QueryError> {
        let prepared = self.engine.prepare(query, sight).await?;
        let key = (prepared.tag().to_owned(), limits.max_rows);
        let (running, source) = {
            let mut kept = locked(&self.kept);
            if let Some(answer) = kept.get(&key) {
                counter!("query_cache_total", "outcome" => "hit").increment(1);
                return Ok(Found { answer, was_kept: true });
            }
            kept.running.retain(|_, it| it.upgrade().is_some());
            match kept.running.get(&key).and_then(WeakShared::upgrade) {
                Some(running) => (running, "joined"),
                None => {
                    let running = self.begin(key.clone(), prepared, limits);
                    if let Some(weak) = running.downgrade() {
                        kept.running.insert(key, weak);
                    }
                    (running, "miss")
                }
            }
        };
        counter!("query_cache_total", "outcome" => source).increment(1);
        running.await.map(|answer| Found { answer, was_kept: false })
    }

    fn begin(&self, key: Key, prepared: Box<dyn PreparedQuery>, limits: QueryLimits) -> Running {
        let (kept, max_bytes) = (Arc::clone(&self.kept), self.max_bytes);
        let work = async move {
            let outcome = collected(&*prepared, limits, max_bytes).await.map(Arc::new);
            let mut kept = locked(&kept);
            kept.running.remove(&key);
            if let Ok(answer) = &outcome {
                kept.keep(key, answer, max_bytes);
                #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
                gauge!("query_cache_bytes").set(kept.n_bytes as f64);
            }
            outcome
        };
        work.boxed().shared()
    }
}

/// Works out an answer to its end, or until it is as long as it may be.
async fn collected(
    prepared: &dyn PreparedQuery,
    limits: QueryLimits,
    max_bytes: usize,
) -> Result<Answer, QueryError> {
    let mut open = prepared.open(limits).await?;
    let (columns, tag) = (open.columns, prepared.tag().to_owned());
    let figures = QueryFigures::default();
    let mut answer = Answer { columns, rows: Vec::new(), is_cut: false, figures, tag };
    let mut n_bytes = 0;
    while let Some(rows) = open.rows.try_next().await? {
        n_bytes += rows.iter().flatten().map(super::QueryValue::n_bytes).sum::<usize>();
        answer.rows.extend(rows);
        if answer.rows.len() > limits.max_rows || n_bytes > max_bytes {
            answer.is_cut = true;
            answer.rows.truncate(limits.max_rows);
            break;
        }
    }
    answer.figures = (open.figures)();
    counter!("query_bytes_read_total").increment(answer.figures.n_bytes_read);
    counter!("query_bytes_spilled_total").increment(answer.figures.n_bytes_spilled);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::ports::OpenAnswer;
    use crate::queries::{NamedQuery, QueryColumn, QueryValue};

    /// Answers with the text of the statement, of the version that stands, when it is let.
    struct Echo {
        version: AtomicU64,
        n_opened: Arc<AtomicU64>,
        gate: Arc<Semaphore>,
    }

    struct Asked {
        tag: String,
        sql: String,
        n_opened: Arc<AtomicU64>,
        gate: Arc<Semaphore>,
    }

    #[async_trait]
    impl PreparedQuery for Asked {
        fn tag(&self) -> &str {
            &self.tag
        }

        async fn open(&self, _limits: QueryLimits) -> Result<OpenAnswer, QueryError> {
            self.n_opened.fetch_add(1, Ordering::SeqCst);
            let _let = self.gate.acquire().await;
            let row = vec![QueryValue::Text(self.sql.clone())];
            let rows = Box::pin(futures_util::stream::iter([Ok(vec![row])]));
            let figures = Box::new(QueryFigures::default);
            Ok(OpenAnswer { columns: Vec::new(), rows, figures })
        }
    }

    #[async_trait]
    impl QueryEngine for Echo {
        async fn prepare(
            &self,
            query: &Query,
            sight: &Sight,
        ) -> Result<Box<dyn PreparedQuery>, QueryError> {
            let version = self.version.load(Ordering::SeqCst);
            let tag = format!("{} {sight:?} {version}", query.sql);
            let (n_opened, gate) = (Arc::clone(&self.n_opened), Arc::clone(&self.gate));
            Ok(Box::new(Asked { tag, sql: query.sql.clone(), n_opened, gate }))
        }

        async fn check(&self, _query: &NamedQuery) -> Result<Vec<QueryColumn>, QueryError> {
            Ok(Vec::new())
        }
    }

    fn echo(n_permits: usize) -> Arc<Echo> {
        let gate = Arc::new(Semaphore::new(n_permits));
        Arc::new(Echo { version: AtomicU64::new(1), n_opened: Arc::default(), gate })
    }

    async fn ask(cache: &AnswerCache, sql: &str) -> Found {
        let query = Query { sql: sql.to_owned(), parameters: BTreeMap::new() };
        cache.answer(&query, &Sight::Everything, QueryLimits::default()).await.unwrap()
    }

    #[tokio::test]
    async fn answer_is_kept_until_its_tables_change() {
        let engine = echo(1);
        let cache = AnswerCache::new(engine.clone(), 100_000);
        assert!(!ask(&cache, "a").await.was_kept);
        assert!(ask(&cache, "a").await.was_kept);
        engine.version.store(2, Ordering::SeqCst);
        assert!(!ask(&cache, "a").await.was_kept);
        assert_eq!(engine.n_opened.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn same_question_of_many_is_worked_out_once() {
        let engine = echo(0);
        let cache = AnswerCache::new(engine.clone(), 100_000);
        let asked = futures_util::future::join_all((0..50).map(|_| ask(&cache, "a")));
        let opened = async {
            while engine.n_opened.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            engine.gate.add_permits(1);
        };
        let (answers, ()) = tokio::join!(asked, opened);
        assert_eq!(answers.len(), 50);
        assert_eq!(engine.n_opened.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn question_that_nobody_waits_for_is_given_up() {
        let engine = echo(0);
        let cache = AnswerCache::new(engine.clone(), 100_000);
        let mut asked = Box::pin(ask(&cache, "a"));
        assert!(futures_util::poll!(&mut asked).is_pending());
        drop(asked);
        engine.gate.add_permits(1);
        assert!(!ask(&cache, "a").await.was_kept);
        assert_eq!(engine.n_opened.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn least_recently_used_answers_make_room() {
        let engine = echo(1);
        let one = ask(&AnswerCache::new(engine.clone(), 1_000_000), "a").await.answer.n_bytes();
        let cache = AnswerCache::new(engine.clone(), 5 * one);
        for sql in ["a", "b", "c", "d"] {
            ask(&cache, sql).await;
        }
        assert!(ask(&cache, "a").await.was_kept);
        ask(&cache, "e").await;
        ask(&cache, "f").await;
        assert!(ask(&cache, "a").await.was_kept);
        assert!(!ask(&cache, "b").await.was_kept);
        assert!(locked(&cache.kept).n_bytes <= 5 * one);
        // What would push out nearly everything is not kept.
        let long = "x".repeat(2 * one);
        ask(&cache, &long).await;
        assert!(!ask(&cache, &long).await.was_kept);
    }
}
