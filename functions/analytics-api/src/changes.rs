//! `GET /v1/changes`: every committed change, live, as server-sent events.
//!
//! Each client has a position of its own and is handed the next rows only when its connection can
//! take them: a slow reader holds no memory and nobody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::stream;
use metrics::gauge;
use shared::{PortError, chain};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout};
use tracing::warn;
use utoipa::IntoParams;

use crate::api::Api;
use crate::audit::MAX_SEQ;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{Query, shorten};
use crate::screen::Screen;
use crate::tail::{Line, Recent, Tail};

/// How long a connection may be silent; proxies cut those that are for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What every stream begins with: how long a client waits before it comes back, in milliseconds.
const GREETING: &[u8] = b"retry: 2000\n: connected\n\n";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where the stream begins.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// The stream begins after the change with this number; 0 replays all there is. Without it, or
    /// when it lies in the future, the stream begins with the next change.
    #[param(minimum = 0, maximum = 9_223_372_036_854_775_807_u64, example = 4211)]
    #[expect(dead_code, reason = "documents the parameter")]
    after: Option<u64>,
}

/// Follows the changes, live.
///
/// Server-sent events: `event: change`, `id:` the number of the change, `data:` a `ChangeRow`.
/// First comes what was committed after `after`, or after the header `Last-Event-ID`, which wins;
/// then each change as it is committed. A comment comes every 15 seconds. The stream ends after a
/// while, and no later than the caller's token; whoever comes back with the number of the last change
/// misses nothing. Changes of cases that the caller does not see are left out.
#[utoipa::path(get, path = "/changes", tag = "changes",
    params(ChangesQuery, ("Last-Event-ID" = Option<String>, Header,
        description = "The number of the last change seen; sent by a browser that comes back",
        pattern = "^[0-9]{1,18}$", example = "4211")),
    responses((status = 200, description = "The changes", body = String, content_type = "text/event-stream"),
        Problems))]
pub(crate) async fn follow_changes(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let after = read_position(&headers, raw.as_deref())?;
    let seat = Arc::clone(&api.followers).try_acquire_owned().map_err(|_| {
        let detail = "too many clients follow the changes: try again later";
        Problem::unavailable(detail, Some(KEEP_ALIVE))
    })?;
    let newest = api.ports.feed.newest_change().await.map_err(Problem::of_port)?;
    let follower = Follower {
        wake: api.tail.follow(),
        tail: Arc::clone(&api.tail),
        screen: Screen::new(Arc::clone(&api.watch), caller.sight().clone()),
        position: after.map_or(newest, |after| after.min(newest)),
        ends_at: Instant::now() + api.stream_for.min(caller.holds_for(api.ports.clock.now())),
        spoke_at: None,
        _seat: Seat::take(seat),
    };
    let chunks = stream::unfold(follower, async |mut follower| {
        follower.next().await.map(|chunk| (Ok::<_, Infallible>(chunk), follower))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Some proxies hold back what they pass on unless told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn read_position(headers: &HeaderMap, raw: Option<&str>) -> Result<Option<u64>, Problem> {
    let mut query = Query::new(raw);
    let after = query.number("after", 0..=MAX_SEQ);
    let mut last_seen = None;
    if let Some(header) = headers.get(LAST_EVENT_ID).filter(|header| !header.is_empty()) {
        let text = header.to_str().unwrap_or("unreadable");
        last_seen = text.parse().ok().filter(|seq| *seq <= MAX_SEQ);
        if last_seen.is_none() {
            let message = format!("`{}` is not the number of a change", shorten(text));
            query.fault("Last-Event-ID", message);
        }
    }
    query.finish::<ChangesQuery, _>(last_seen.or(after))
}

/// One client that follows the changes.
struct Follower {
    tail: Arc<Tail>,
    wake: watch::Receiver<u64>,
    position: u64,
    ends_at: Instant,
    screen: Screen,
    /// When the client was last sent anything; `None` before the greeting.
    spoke_at: Option<Instant>,
    _seat: Seat,
}

impl Follower {
    /// Returns what the client is sent next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let said = match self.spoke_at {
            None => Some(Bytes::from_static(GREETING)),
            Some(_) => self.listen().await,
        };
        self.spoke_at = Some(Instant::now());
        said
    }

    async fn listen(&mut self) -> Option<Bytes> {
        loop {
            let now = Instant::now();
            let left = self.ends_at.saturating_duration_since(now);
            if left.is_zero() {
                return None;
            }
            let silent_until = self.spoke_at.unwrap_or(now) + KEEP_ALIVE;
            if silent_until <= now {
                return Some(Bytes::from_static(b": keep-alive\n\n"));
            }
            // Seen before it is looked at, so that nothing between the two is slept through.
            let newest = *self.wake.borrow_and_update();
            match self.read_on(newest).await {
                Ok(Step::Say(events)) => return Some(events),
                Ok(Step::GoOn) => {}
                Ok(Step::Wait) => {
                    let wait = left.min(silent_until.saturating_duration_since(now));
                    let _ = timeout(wait, self.wake.changed()).await;
                }
                Err(failed) => {
                    // The client comes back with the number of the last change it saw.
                    warn!(error = %chain(&failed), "a stream of changes ended early");
                    return None;
                }
            }
        }
    }

    /// Takes the next rows, and shows those that may be seen.
    async fn read_on(&mut self, newest: u64) -> Result<Step, PortError> {
        let lines = match self.tail.recent(self.position) {
            Recent::Rows(lines) => lines,
            Recent::Nothing => return Ok(Step::Wait),
            Recent::TooOld => self.tail.stored(self.position).await?,
        };
        let Some(last) = lines.last().map(|it: &Arc<Line>| it.seq) else {
            // The kept rows begin later than the last one of the store.
            let is_behind = self.position < newest;
            self.position = self.position.max(newest);
            return Ok(if is_behind { Step::GoOn } else { Step::Wait });
        };
        let events = self.screen.events(&lines).await?;
        self.position = last;
        Ok(if events.is_empty() { Step::GoOn } else { Step::Say(events) })
    }
}

/// What a follower does next.
enum Step {
    /// Sends this to the client.
    Say(Bytes),
    /// Looks again.
    GoOn,
    /// Waits for a change.
    Wait,
}

/// A follower's place, given back when its connection ends.
struct Seat {
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(permit: OwnedSemaphorePermit) -> Self {
        gauge!("moodbridge_change_followers").increment(1.0);
        Self { _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        gauge!("moodbridge_change_followers").decrement(1.0);
    }
}
