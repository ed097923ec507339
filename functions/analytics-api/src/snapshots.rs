//! Answers that many clients ask for at once: one load a moment serves them all.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::problem::Problem;

/// A load that has not ended after this long is given up, and the next request starts another.
const STUCK_AFTER: Duration = Duration::from_secs(10);

type Load = Shared<BoxFuture<'static, Result<Bytes, Problem>>>;

/// Rendered answers by key, none older than a moment, each loaded once however many ask.
#[derive(Debug)]
pub(crate) struct Snapshots<K> {
    max_age: Duration,
    slots: Mutex<HashMap<K, Slot>>,
}

#[derive(Debug)]
struct Slot {
    started_at: Instant,
    load: Load,
}

impl Slot {
    fn serves(&self, max_age: Duration) -> bool {
        let max_age = if self.load.peek().is_some() { max_age } else { STUCK_AFTER };
        self.started_at.elapsed() < max_age
    }
}

impl<K: Eq + Hash> Snapshots<K> {
    /// Keeps each answer for `max_age`.
    pub(crate) fn new(max_age: Duration) -> Self {
        Self { max_age, slots: Mutex::default() }
    }

    /// Returns the answer of `key`, joining a load that is under way, else starting `load`.
    ///
    /// A failure is shared too: a store in trouble is asked no more often than a healthy one.
    ///
    /// # Errors
    ///
    /// As `load` answers.
    pub(crate) async fn get<F>(&self, key: K, load: impl FnOnce() -> F) -> Result<Bytes, Problem>
    where
        F: Future<Output = Result<Bytes, Problem>> + Send + 'static,
    {
        let shared = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            match slots.get(&key) {
                Some(slot) if slot.serves(self.max_age) => slot.load.clone(),
                _ => {
                    slots.retain(|_, slot| slot.serves(self.max_age));
                    let load = load().boxed().shared();
                    slots.insert(key, Slot { started_at: Instant::now(), load: load.clone() });
                    load
                }
            }
        };
        shared.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    async fn ask(snapshots: &Snapshots<u32>, n_loads: &Arc<AtomicU32>) -> Result<Bytes, Problem> {
        let n_loads = Arc::clone(n_loads);
        let load = || async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            n_loads.fetch_add(1, Ordering::SeqCst);
            Ok(Bytes::from_static(b"{}"))
        };
        snapshots.get(30, load).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_clients_at_once_cost_one_load() {
        let (snapshots, n_loads) = (Snapshots::new(Duration::from_secs(1)), Arc::default());

        let asked = (0..100).map(|_| ask(&snapshots, &n_loads));
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.unwrap(), "{}");
        }

        assert_eq!(n_loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_loaded_anew_after_its_moment() {
        let (snapshots, n_loads) = (Snapshots::new(Duration::from_secs(1)), Arc::default());

        ask(&snapshots, &n_loads).await.unwrap();
        tokio::time::advance(Duration::from_millis(900)).await;
        ask(&snapshots, &n_loads).await.unwrap();
        assert_eq!(n_loads.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_millis(100)).await;
        ask(&snapshots, &n_loads).await.unwrap();

        assert_eq!(n_loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_goes_on_when_the_client_that_began_it_leaves() {
        let (snapshots, n_loads) = (Snapshots::new(Duration::from_secs(1)), Arc::default());

        let first = tokio::time::timeout(Duration::from_millis(10), ask(&snapshots, &n_loads));
        assert!(first.await.is_err());

        ask(&snapshots, &n_loads).await.unwrap();
        assert_eq!(n_loads.load(Ordering::SeqCst), 1);
    }
}
