//! One reader of the change feed for all clients: the newest changes, rendered once, kept a while.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use shared::PortError;
use shared::chain;
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::{ChangeFeed, ChangeRow};
use tokio::sync::watch;
use tracing::{debug, warn};

/// How many rows are read at a time, and the most that one client is handed at a time.
pub(crate) const PAGE_ROWS: u32 = 128;

/// How many of the newest rows are kept: a client that falls further behind reads the store itself.
const KEPT_ROWS: usize = 1024;

/// How long the reader waits before it looks whether anybody is still there.
const IDLE_WAIT: Duration = Duration::from_secs(5);

/// How long the reader rests after the feed failed.
const REST: Duration = Duration::from_secs(1);

/// One row, rendered as a server-sent event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of the row.
    pub(crate) seq: u64,
    /// The kind of row that changed.
    pub(crate) entity: Entity,
    /// The row that changed.
    pub(crate) entity_id: EntityId,
    /// The event.
    pub(crate) event: Bytes,
}

/// What the newest rows say about what follows a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recent {
    /// These rows follow.
    Rows(Vec<Arc<Line>>),
    /// Nothing follows yet.
    Nothing,
    /// The position is older than all that is kept: read the store.
    TooOld,
}

/// Reads the feed while anybody follows it.
pub(crate) struct Tail {
    feed: Arc<dyn ChangeFeed>,
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    is_reading: bool,
    /// Every row after this one is in `rows`; `None` before the first look.
    floor: Option<u64>,
    rows: VecDeque<Arc<Line>>,
}

impl Tail {
    /// Reads from `feed`, once somebody follows.
    pub(crate) fn new(feed: Arc<dyn ChangeFeed>) -> Self {
        Self { feed, kept: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// Returns what wakes a follower; starts the reader when it rests.
    pub(crate) fn follow(self: &Arc<Self>) -> watch::Receiver<u64> {
        let mut kept = self.lock();
        let followed = self.newest.subscribe();
        if !kept.is_reading {
            kept.is_reading = true;
            tokio::spawn(Arc::clone(self).read());
        }
        followed
    }

    /// Returns the rows after `position`, as far as they are kept.
    pub(crate) fn recent(&self, position: u64) -> Recent {
        let kept = self.lock();
        if kept.floor.is_none_or(|floor| position < floor) {
            return Recent::TooOld;
        }
        let first = kept.rows.partition_point(|row| row.seq <= position);
        let page = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
        let rows: Vec<_> = kept.rows.iter().skip(first).take(page).cloned().collect();
        if rows.is_empty() { Recent::Nothing } else { Recent::Rows(rows) }
    }

    /// Reads the rows after `position` from the store, for a client that is far behind.
    ///
    /// # Errors
    ///
    /// As the feed answers.
    pub(crate) async fn stored(&self, position: u64) -> Result<Vec<Arc<Line>>, PortError> {
        let rows = self.feed.changes_after(position, PAGE_ROWS).await?;
        Ok(rows.iter().map(render_line).collect())
    }

    async fn read(self: Arc<Self>) {
        debug!("began to read the change feed");
        while !self.ends_alone() {
            if let Err(failed) = self.read_on().await {
                warn!(error = %chain(&failed), "the change feed could not be read");
                tokio::time::sleep(REST).await;
            }
        }
        debug!("nobody follows the change feed");
    }

    /// Reads one page, or waits for one.
    async fn read_on(&self) -> Result<(), PortError> {
        let head = self.lock().head();
        let Some(head) = head else {
            let newest = self.feed.newest_change().await?;
            self.lock().floor = Some(newest);
            self.newest.send_replace(newest);
            return Ok(());
        };
        let rows = self.feed.changes_after(head, PAGE_ROWS).await?;
        let Some(last) = rows.last() else {
            return self.feed.wait_for_change(head, IDLE_WAIT).await;
        };
        self.lock().keep(&rows);
        self.newest.send_replace(last.seq);
        Ok(())
    }

    /// Forgets everything and answers `true` when nobody follows any more.
    fn ends_alone(&self) -> bool {
        let mut kept = self.lock();
        let is_alone = self.newest.receiver_count() == 0;
        if is_alone {
            *kept = Kept::default();
        }
        is_alone
    }

    /// Tells whether the reader is at work.
    #[cfg(test)]
    pub(crate) fn is_reading(&self) -> bool {
        self.lock().is_reading
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn head(&self) -> Option<u64> {
        self.rows.back().map(|row| row.seq).or(self.floor)
    }

    fn keep(&mut self, rows: &[ChangeRow]) {
        for row in rows {
            if self.rows.len() == KEPT_ROWS {
                self.floor = self.rows.pop_front().map(|row| row.seq);
            }
            self.rows.push_back(render_line(row));
        }
    }
}

/// Renders a row as one server-sent event.
fn render_line(row: &ChangeRow) -> Arc<Line> {
    // JSON text holds no line break, so that one `data` line is enough.
    let data = serde_json::to_string(row).unwrap_or_default();
    let mut event = String::with_capacity(data.len() + 48);
    let _ = write!(event, "event: change\nid: {}\ndata: {data}\n\n", row.seq);
    let entity_id = row.entity_id.clone();
    Arc::new(Line { seq: row.seq, entity: row.entity, entity_id, event: event.into() })
}
