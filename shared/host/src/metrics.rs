//! Counters of every host, and the page that shows them.
//!
//! Handles are looked up once and kept: a lookup in the recorder hashes every label each time.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds in seconds, from a loopback answer to a slow platform.
const BUCKETS: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// How often buffered samples are folded into their buckets when nobody reads the page.
pub(crate) const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts to record and returns the page; `None` when this process records elsewhere already.
pub(crate) fn page() -> Option<&'static PrometheusHandle> {
    static PAGE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    PAGE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        crate::described::describe();
        Some(handle)
    })
    .as_ref()
}

/// Counts of requests by route, method and status.
#[derive(Default)]
pub(crate) struct HttpMetrics {
    routes: RwLock<HashMap<String, Vec<RouteMetrics>>>,
    in_flight: OnceLock<Gauge>,
}

/// A route has few methods and statuses, so they are a list, not another map.
struct RouteMetrics {
    method: Method,
    status: StatusCode,
    n_requests: Counter,
    duration: Histogram,
}

impl HttpMetrics {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        let gauge = self.in_flight.get_or_init(|| gauge!("http_requests_in_flight"));
        InFlight::of(gauge, 1)
    }

    /// Counts one answered request.
    pub(crate) fn record(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let is_it = |it: &&RouteMetrics| it.status == status && it.method == *method;
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(route).and_then(|all| all.iter().find(is_it)) {
            metrics.record(elapsed);
            return;
        }
        drop(known);
        let mut known = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let all = known.entry(route.to_owned()).or_default();
        if !all.iter().any(|it| is_it(&it)) {
            all.push(RouteMetrics::new(method, route, status));
        }
        if let Some(metrics) = all.iter().find(is_it) {
            metrics.record(elapsed);
        }
    }
}

impl RouteMetrics {
    fn new(method: &Method, route: &str, status: StatusCode) -> Self {
        let labels = [
            ("method", method.as_str().to_owned()),
            ("route", route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        Self {
            method: method.clone(),
            status,
            n_requests: counter!("http_requests_total", &labels),
            duration: histogram!("http_request_duration_seconds", &labels),
        }
    }

    fn record(&self, elapsed: Duration) {
        self.n_requests.increment(1);
        self.duration.record(elapsed.as_secs_f64());
    }
}

/// Counts of one queue's messages.
#[derive(Clone)]
pub(crate) struct QueueMetrics {
    /// Messages that finished.
    pub(crate) handled: Counter,
    /// Attempts that failed and are tried again.
    pub(crate) failed: Counter,
    /// Messages that were set aside at once.
    pub(crate) dead: Counter,
    /// Time in the handler.
    pub(crate) duration: Histogram,
    in_flight: Gauge,
}

impl QueueMetrics {
    /// Counts for the queue named `queue`.
    pub(crate) fn of(queue: &str) -> Self {
        let count = |outcome: &'static str| counter!("queue_messages_total", "queue" => queue.to_owned(), "outcome" => outcome);
        Self {
            handled: count("handled"),
            failed: count("failed"),
            dead: count("dead"),
            duration: histogram!("queue_message_duration_seconds", "queue" => queue.to_owned()),
            in_flight: gauge!("queue_messages_in_flight", "queue" => queue.to_owned()),
        }
    }

    /// Counts `n_messages` as in flight until the guard is dropped.
    pub(crate) fn enter(&self, n_messages: u32) -> InFlight {
        InFlight::of(&self.in_flight, n_messages)
    }
}

/// Counts one run of a schedule.
pub(crate) fn count_run(schedule: &'static str, is_success: bool) {
    let outcome = if is_success { "succeeded" } else { "failed" };
    counter!("schedule_runs_total", "schedule" => schedule, "outcome" => outcome).increment(1);
}

/// Work in hand, taken off the gauge when dropped.
pub(crate) struct InFlight {
    gauge: Gauge,
    n: f64,
}

impl InFlight {
    fn of(gauge: &Gauge, n: u32) -> Self {
        let n = f64::from(n);
        gauge.increment(n);
        Self { gauge: gauge.clone(), n }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.decrement(self.n);
    }
}
