//! Wakes receivers: those of this process at once, those of others by `NOTIFY`.
//!
//! A commit that notifies holds a lock of the whole database until it is on the disk, so sends
//! would queue up behind each other. Here a process notifies after its commits, on a connection of
//! its own, in a commit that waits for no disk, and once for all that happened in the meantime. A
//! signal that is lost costs nothing but time: receivers look for messages by themselves too.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use shared::ports::{Random, SystemRandom};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::postgres::{PostgresOptions, connect_lazily};

const CHANNEL: &str = "moodbridge_queue";
/// The shortest time between two signals of one process.
const PAUSE: Duration = Duration::from_millis(10);
/// How long to wait before a lost connection is tried again, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

static OF_DATABASES: LazyLock<Mutex<HashMap<String, Weak<Signals>>>> =
    LazyLock::new(Mutex::default);

/// The signals of one process about the queues of one database.
pub(super) struct Signals {
    board: Arc<Board>,
    tasks: [JoinHandle<()>; 2],
}

/// What the tasks share with the queues.
struct Board {
    /// Tells our own signals from those of others.
    origin: String,
    bells: Mutex<HashMap<i32, Weak<Notify>>>,
    is_listening: AtomicBool,
    /// The queues about which others must be told.
    news: Mutex<BTreeSet<i32>>,
    has_news: Notify,
}

impl Signals {
    /// Returns the signals about a database, one for the whole process.
    ///
    /// Must be called within a Tokio runtime, which then carries them.
    pub(super) fn of(options: &PostgresOptions) -> Arc<Self> {
        let mut known = lock(&OF_DATABASES);
        known.retain(|_, it| it.strong_count() > 0);
        let place = known.entry(options.place()).or_default();
        let found = place.upgrade().filter(|it| !it.tasks.iter().any(JoinHandle::is_finished));
        found.unwrap_or_else(|| {
            let signals = Arc::new(Self::start(options));
            *place = Arc::downgrade(&signals);
            signals
        })
    }

    /// Begins to listen and to tell, whoever else in this process does.
    pub(super) fn start(options: &PostgresOptions) -> Self {
        let pool = connect_lazily(&options.clone().with_max_connections(2));
        let board = Arc::new(Board {
            origin: format!("{:016x}", SystemRandom.bits() as u64),
            bells: Mutex::default(),
            is_listening: AtomicBool::new(false),
            news: Mutex::default(),
            has_news: Notify::new(),
        });
        let listens = tokio::spawn(listen(pool.clone(), Arc::clone(&board)));
        let tells = tokio::spawn(tell(pool, Arc::clone(&board)));
        Self { board, tasks: [listens, tells] }
    }

    /// Returns the bell that rings when there may be something to receive from a queue.
    pub(super) fn bell(&self, queue_id: i32) -> Arc<Notify> {
        let mut bells = lock(&self.board.bells);
        let place = bells.entry(queue_id).or_default();
        place.upgrade().unwrap_or_else(|| {
            let bell = Arc::new(Notify::new());
            *place = Arc::downgrade(&bell);
            bell
        })
    }

    /// Says whether other processes are heard at present.
    pub(super) fn is_listening(&self) -> bool {
        self.board.is_listening.load(Ordering::Acquire)
    }

    /// Wakes every receiver of a queue, in this process at once.
    pub(super) fn ring(&self, queue_id: i32) {
        self.board.ring(queue_id);
        lock(&self.board.news).insert(queue_id);
        self.board.has_news.notify_one();
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Board {
    fn ring(&self, queue_id: i32) {
        if let Some(bell) = lock(&self.bells).get(&queue_id).and_then(Weak::upgrade) {
            bell.notify_waiters();
        }
    }

    fn ring_all(&self) {
        for bell in lock(&self.bells).values().filter_map(Weak::upgrade) {
            bell.notify_waiters();
        }
    }
}

/// Says that others are heard, for as long as it lives.
struct Listening<'a>(&'a Board);

impl<'a> Listening<'a> {
    fn begin(board: &'a Board) -> Self {
        board.is_listening.store(true, Ordering::Release);
        // What was sent before is not signalled again.
        board.ring_all();
        Self(board)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.is_listening.store(false, Ordering::Release);
    }
}

async fn listen(pool: PgPool, board: Arc<Board>) {
    let mut wait = FIRST_WAIT;
    loop {
        if let Ok(mut listener) = listener(&pool).await {
            let _listening = Listening::begin(&board);
            wait = FIRST_WAIT;
            while let Ok(Some(signal)) = listener.try_recv().await {
                if let Some((queue_id, origin)) = signal.payload().split_once(' ')
                    && origin != board.origin
                    && let Ok(queue_id) = queue_id.parse()
                {
                    board.ring(queue_id);
                }
            }
        }
        tracing::debug!("queues of a database are not listened to, next try in {wait:?}");
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn listener(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn tell(pool: PgPool, board: Arc<Board>) {
    loop {
        board.has_news.notified().await;
        let news = std::mem::take(&mut *lock(&board.news));
        for queue_id in news {
            // Both hold to the end of this one statement's commit.
            let told = sqlx::query(
                "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)",
            )
            .bind(CHANNEL)
            .bind(format!("{queue_id} {}", board.origin))
            .execute(&pool)
            .await;
            if let Err(error) = told {
                tracing::debug!(error = %shared::chain(&error), "receivers elsewhere were not told");
            }
        }
        sleep(PAUSE).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
