//! What a function is, whichever host runs it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use shared::ports::Queue;
use shared::worker::{MessageHandler, ScheduleHandler, Service};

use crate::flush::Flush;

/// One function: its routes, its queues and its schedules.
///
/// The routes set no fallback of their own: several apps share one listener in the local host, and
/// every host answers an unknown path with problem details.
pub struct App {
    pub(crate) name: &'static str,
    pub(crate) router: Router,
    pub(crate) open_router: Router,
    pub(crate) queues: Vec<QueueTrigger>,
    pub(crate) schedules: Vec<ScheduleTrigger>,
    pub(crate) own_queues: Vec<Arc<dyn Queue>>,
    pub(crate) local_services: Vec<ServiceTrigger>,
    pub(crate) ready_checks: Vec<Arc<dyn ReadyCheck>>,
    pub(crate) flushes: Vec<Arc<dyn Flush>>,
}

/// A queue and what handles its messages.
#[derive(Clone)]
pub(crate) struct QueueTrigger {
    pub(crate) queue: &'static str,
    pub(crate) handler: Arc<dyn MessageHandler>,
}

/// A schedule and what runs on it.
#[derive(Clone)]
pub(crate) struct ScheduleTrigger {
    pub(crate) name: &'static str,
    pub(crate) every: Duration,
    pub(crate) handler: Arc<dyn ScheduleHandler>,
}

/// Work without an end.
#[derive(Clone)]
pub(crate) struct ServiceTrigger {
    pub(crate) name: &'static str,
    pub(crate) service: Arc<dyn Service>,
}

impl App {
    /// Names a function that does nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            router: Router::new(),
            open_router: Router::new(),
            queues: Vec::new(),
            schedules: Vec::new(),
            own_queues: Vec::new(),
            local_services: Vec::new(),
            ready_checks: Vec::new(),
            flushes: Vec::new(),
        }
    }

    /// Answers HTTP requests with `router`, whose state is already applied.
    ///
    /// On loopback it answers only to names of the machine, so that no web page can pass for it.
    #[must_use]
    pub fn http(mut self, router: Router) -> Self {
        self.router = self.router.merge(router);
        self
    }

    /// Answers HTTP requests with `router` whatever name they ask for, such as a tunnel's: each of
    /// its callers proves who it is.
    #[must_use]
    pub fn http_by_any_name(mut self, router: Router) -> Self {
        self.open_router = self.open_router.merge(router);
        self
    }

    /// Handles each message of the queue named `queue`.
    #[must_use]
    pub fn queue(mut self, queue: &'static str, handler: Arc<dyn MessageHandler>) -> Self {
        self.queues.push(QueueTrigger { queue, handler });
        self
    }

    /// Runs `handler` at start and then `every` so often.
    ///
    /// The local host keeps the interval itself; on Lambda and Azure the platform's timer does.
    #[must_use]
    pub fn schedule(
        mut self,
        name: &'static str,
        every: Duration,
        handler: Arc<dyn ScheduleHandler>,
    ) -> Self {
        self.schedules.push(ScheduleTrigger { name, every, handler });
        self
    }

    /// Gives the queue itself, for the handler of the same name: the local host receives from it.
    ///
    /// On Lambda the platform receives; there what fails is settled on this queue, with its reason. On
    /// Azure it is left alone.
    #[must_use]
    pub fn with_queue(mut self, queue: Arc<dyn Queue>) -> Self {
        self.own_queues.push(queue);
        self
    }

    /// Gives the work that the local host does without an end, in place of the schedule `name`.
    ///
    /// On Lambda and Azure the schedule runs, and this service is left alone.
    #[must_use]
    pub fn local_service(mut self, name: &'static str, service: Arc<dyn Service>) -> Self {
        self.local_services.push(ServiceTrigger { name, service });
        self
    }

    /// Adds a dependency that `/readyz` asks.
    #[must_use]
    pub fn ready(mut self, check: Arc<dyn ReadyCheck>) -> Self {
        self.ready_checks.push(check);
        self
    }

    /// Has what `flush` gathers written out before the process sleeps or ends.
    #[must_use]
    pub fn flush(mut self, flush: Arc<dyn Flush>) -> Self {
        self.flushes.push(flush);
        self
    }

    /// Returns the name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// A dependency without which a function cannot do its work.
#[async_trait]
pub trait ReadyCheck: Send + Sync {
    /// Returns the name of the dependency, such as `queue`.
    fn name(&self) -> &str;

    /// Asks the dependency whether it can be used now.
    ///
    /// # Errors
    ///
    /// The reason it cannot, in one line without secrets.
    async fn check(&self) -> Result<(), String>;
}
