//! Hears of the change rows that other processes commit.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::error::chain;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::batch::CHANNEL;
use super::writes::tell;
use crate::store::decode::count;

/// How long it rests after the database could not be reached.
const REST: Duration = Duration::from_secs(1);

/// Listens on one connection from the first time somebody waits.
pub(super) struct Listener {
    pool: PgPool,
    newest: Arc<watch::Sender<u64>>,
    hears: watch::Sender<bool>,
    task: OnceLock<AbortHandle>,
}

impl Listener {
    /// Makes a listener that passes what it hears on to `newest`.
    pub(super) fn new(pool: PgPool, newest: Arc<watch::Sender<u64>>) -> Self {
        Self { pool, newest, hears: watch::Sender::new(false), task: OnceLock::new() }
    }

    /// Begins to listen, and tells whether it hears.
    pub(super) fn hear(&self) -> watch::Receiver<bool> {
        self.task.get_or_init(|| {
            let (pool, newest) = (self.pool.clone(), Arc::clone(&self.newest));
            tokio::spawn(listen(pool, newest, self.hears.clone())).abort_handle()
        });
        self.hears.subscribe()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

async fn listen(pool: PgPool, newest: Arc<watch::Sender<u64>>, hears: watch::Sender<bool>) {
    loop {
        if let Err(cause) = listen_once(&pool, &newest, &hears).await {
            tracing::debug!(error = %chain(&cause), "does not hear of changes");
        }
        hears.send_replace(false);
        // Whoever waits must look for itself again.
        newest.send_modify(|_| {});
        tokio::time::sleep(REST).await;
    }
}

async fn listen_once(
    pool: &PgPool,
    newest: &watch::Sender<u64>,
    hears: &watch::Sender<bool>,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // What was committed before it listened.
    let stored: Option<i64> =
        sqlx::query_scalar("SELECT max(seq) FROM changes").fetch_one(pool).await?;
    tell(newest, stored.map_or(0, count));
    hears.send_replace(true);
    while let Some(told) = listener.try_recv().await? {
        tell(newest, told.payload().parse().unwrap_or(0));
    }
    Ok(())
}
