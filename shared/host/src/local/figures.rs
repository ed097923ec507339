//! What is measured now and then because nobody calls it: queues, dependencies, the disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, gauge};
use shared::ports::{Clock, Queue, QueueDepth};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::app::ReadyCheck;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// The longest that one measure may take.
const WITHIN: Duration = Duration::from_secs(4);

/// Measures queues, dependencies and the disk.
pub(crate) struct Figures {
    queues: Vec<QueueFigures>,
    checks: Vec<(Arc<dyn ReadyCheck>, Gauge)>,
    disk: Option<DiskFigures>,
    clock: Arc<dyn Clock>,
}

impl Figures {
    /// Measures `queues` and `checks`, and the disk of `data_dir`.
    pub(crate) fn new(
        queues: Vec<Arc<dyn Queue>>,
        checks: Vec<(&'static str, Arc<dyn ReadyCheck>)>,
        data_dir: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let checks = checks
            .into_iter()
            .map(|(app, check)| {
                let name = check.name().to_owned();
                (check, gauge!("ready_check_ok", "app" => app, "check" => name))
            })
            .collect();
        let queues = queues.into_iter().map(QueueFigures::of).collect();
        Self { queues, checks, disk: data_dir.map(DiskFigures::of), clock }
    }

    /// Measures at once and then every five seconds until `stop`.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        loop {
            self.measure().await;
            let pause = tokio::time::sleep(EVERY);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn measure(&self) {
        for queue in &self.queues {
            match tokio::time::timeout(WITHIN, queue.queue.depth()).await {
                Ok(Ok(depth)) => queue.show(&depth, self.clock.as_ref()),
                _ => debug!(queue = queue.queue.name(), "depth was not measured"),
            }
        }
        for (check, gauge) in &self.checks {
            let is_ok =
                tokio::time::timeout(WITHIN, check.check()).await.is_ok_and(|it| it.is_ok());
            gauge.set(if is_ok { 1.0 } else { 0.0 });
        }
        if let Some(disk) = &self.disk {
            disk.show();
        }
    }
}

struct QueueFigures {
    queue: Arc<dyn Queue>,
    states: HashMap<&'static str, Gauge>,
    oldest: Gauge,
}

impl QueueFigures {
    fn of(queue: Arc<dyn Queue>) -> Self {
        let name = queue.name().to_owned();
        let state = |state: &'static str| {
            (state, gauge!("queue_messages", "queue" => name.clone(), "state" => state))
        };
        let states = ["ready", "in_flight", "delayed", "dead"].map(state).into();
        let oldest = gauge!("queue_oldest_message_seconds", "queue" => name.clone());
        Self { queue, states, oldest }
    }

    fn show(&self, depth: &QueueDepth, clock: &dyn Clock) {
        let levels = [
            ("ready", depth.n_ready),
            ("in_flight", depth.n_in_flight),
            ("delayed", depth.n_delayed),
            ("dead", depth.n_dead),
        ];
        for (state, n_messages) in levels {
            if let Some(gauge) = self.states.get(state) {
                gauge.set(as_level(n_messages));
            }
        }
        let waited = depth.oldest_sent_at.map(|it| clock.now().since(it)).unwrap_or_default();
        self.oldest.set(waited.as_secs_f64());
    }
}

struct DiskFigures {
    #[cfg_attr(not(unix), expect(dead_code, reason = "measured on unix only"))]
    data_dir: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code, reason = "measured on unix only"))]
    free: Gauge,
    #[cfg_attr(not(unix), expect(dead_code, reason = "measured on unix only"))]
    size: Gauge,
}

impl DiskFigures {
    fn of(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            free: gauge!("data_disk_free_bytes"),
            size: gauge!("data_disk_size_bytes"),
        }
    }

    #[cfg(unix)]
    fn show(&self) {
        if let Ok(disk) = rustix::fs::statvfs(&self.data_dir) {
            // What is kept for root is not free for us.
            self.free.set(as_level(disk.f_bavail.saturating_mul(disk.f_frsize)));
            self.size.set(as_level(disk.f_blocks.saturating_mul(disk.f_frsize)));
        }
    }

    #[cfg(not(unix))]
    fn show(&self) {}
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; levels stay far below 2^53")]
fn as_level(n: u64) -> f64 {
    n as f64
}
