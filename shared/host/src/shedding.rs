//! Turns requests away while more are in hand than the process can answer in time.
//!
//! A request that is turned away at once costs its sender a retry; one that waits in a crowd costs
//! everybody. It is one addition and one subtraction a request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use metrics::{Counter, counter};

use crate::problem::problem;

/// Requests in hand at which more are turned away, unless the settings say otherwise.
pub(crate) const MAX_IN_FLIGHT: usize = 1024;

/// Who watches the process must reach it most of all while it is crowded.
const ALWAYS_ANSWERED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Counts the requests in hand.
pub(crate) struct Shedding {
    max_in_flight: usize,
    n_in_flight: AtomicUsize,
    n_shed: OnceLock<Counter>,
}

/// A request in hand, counted until dropped.
pub(crate) struct InHand<'a>(&'a AtomicUsize);

impl Shedding {
    pub(crate) fn new(max_in_flight: usize) -> Self {
        let (n_in_flight, n_shed) = (AtomicUsize::new(0), OnceLock::new());
        Self { max_in_flight: max_in_flight.max(1), n_in_flight, n_shed }
    }

    /// Takes a request for `route` in hand; `None` when there are too many.
    pub(crate) fn admit(&self, route: &str) -> Option<InHand<'_>> {
        let in_hand = InHand(&self.n_in_flight);
        let n_before = self.n_in_flight.fetch_add(1, Ordering::Relaxed);
        if n_before < self.max_in_flight || ALWAYS_ANSWERED.contains(&route) {
            return Some(in_hand);
        }
        self.n_shed.get_or_init(|| counter!("http_requests_shed_total")).increment(1);
        None
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks the sender to come back in a moment.
pub(crate) fn turned_away(instance: Option<&str>) -> Response {
    let detail = "too many requests are in hand, come back in a moment";
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, Some(detail), instance);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_beyond_the_limit_is_turned_away_until_one_ends_and_health_never_is() {
        let shedding = Shedding::new(2);
        let (one, _two) = (shedding.admit("/a"), shedding.admit("/a"));
        assert!(shedding.admit("/a").is_none());
        assert!(shedding.admit("/healthz").is_some());

        drop(one);
        assert!(shedding.admit("/a").is_some());
        assert_eq!(turned_away(None).headers()[header::RETRY_AFTER], "1");
    }
}
