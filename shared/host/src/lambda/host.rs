//! The one event loop of a Lambda.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::ports::{Clock, Queue, Random, SystemClock};
use shared::time::Timestamp;
use shared::worker::{Failure, Message, Tick, run_batch};
use tokio::sync::RwLock;
use tracing::{Instrument, info, info_span, warn};

use super::check;
use super::emf::Emf;
use super::event::{Event, ScheduledEvent};
use super::http;
use super::settle::Settle;
use super::sqs::Batch;
use crate::app::{App, QueueTrigger, ReadyCheck, ScheduleTrigger};
use crate::flush::{Flush, flush_all, with_own};
use crate::frame::Frame;
use crate::metrics;

/// How long the answer of the last invocation may take to leave after a stop signal.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// How long before the end of an invocation nothing is begun any more.
const LAST_BEGIN: Duration = Duration::from_secs(2);

/// How long before the end of an invocation a run is cut off, to write out what it gathered.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// An event that no handler of the app takes.
#[derive(Debug, thiserror::Error)]
#[error("`{app}` has no handler for {what}")]
struct Unhandled {
    app: &'static str,
    what: String,
}

/// Handles events until Lambda stops sending them, or a stop signal comes between two of them.
pub(crate) async fn run(app: App, timeout: Duration, random: Arc<dyn Random>) -> Result<(), Error> {
    let stopped = crate::signal::shutdown_signal();
    let function = Arc::new(Function::new(app, timeout, random));
    // Read by each invocation, written by the stop: it waits for the one in hand.
    let busy = Arc::new(RwLock::new(()));
    let handler = service_fn({
        let busy = Arc::clone(&busy);
        move |event: LambdaEvent<Box<RawValue>>| {
            let (function, busy) = (Arc::clone(&function), Arc::clone(&busy));
            async move {
                let _busy = busy.read().await;
                let (payload, context) = event.into_parts();
                function.invoke(payload.get(), context).await
            }
        }
    });
    let mut events = std::pin::pin!(lambda_runtime::run(handler));
    tokio::select! {
        ended = &mut events => return ended,
        () = stopped => {}
    }
    tokio::select! {
        ended = &mut events => return ended,
        _idle = busy.write() => {}
    }
    tokio::time::timeout(LAST_WORDS, events).await.unwrap_or(Ok(()))
}

/// Handles one event as Lambda would have it handled.
#[cfg(test)]
pub(crate) async fn invoke_once(app: App, payload: &str) -> Result<Value, Error> {
    let random = Arc::new(shared::ports::SystemRandom);
    let function = Function::new(app, Duration::from_secs(5), random);
    function.invoke(payload, lambda_runtime::Context::default()).await
}

/// An app, ready to be invoked.
struct Function {
    name: &'static str,
    router: Router,
    queues: Vec<QueueTrigger>,
    own_queues: Vec<Arc<dyn Queue>>,
    schedules: Vec<ScheduleTrigger>,
    ready_checks: Vec<Arc<dyn ReadyCheck>>,
    flushes: Vec<Arc<dyn Flush>>,
    random: Arc<dyn Random>,
}

impl Function {
    fn new(app: App, timeout: Duration, random: Arc<dyn Random>) -> Self {
        let router =
            Frame::new(timeout, Arc::clone(&random)).around(app.router.merge(app.open_router));
        let App { name, queues, own_queues, schedules, ready_checks, flushes, .. } = app;
        let mut flushes = with_own(flushes);
        if let Some(page) = metrics::page() {
            flushes.push(Arc::new(Emf::new(name, page, Arc::new(SystemClock))));
        }
        Self { name, router, queues, own_queues, schedules, ready_checks, flushes, random }
    }

    /// Handles one event and writes out what it gathered: the process may sleep for good afterwards.
    async fn invoke(
        &self,
        payload: &str,
        context: lambda_runtime::Context,
    ) -> Result<Value, Error> {
        // Stands on every line that is written meanwhile.
        let span =
            info_span!(target: "invocation", "invocation", aws.request_id = context.request_id);
        let answer = self.answer(payload, context).instrument(span).await;
        flush_all(&self.flushes).await;
        answer
    }

    async fn answer(
        &self,
        payload: &str,
        context: lambda_runtime::Context,
    ) -> Result<Value, Error> {
        match Event::of(payload) {
            Event::Sqs(records) => {
                let batch = Batch::read(&records)?;
                let trigger = self.queue(batch.queue.as_deref())?;
                let own = self.own_queues.iter().find(|it| it.name() == trigger.queue).cloned();
                let settle = Settle::on(own, Arc::clone(&self.random));
                let has_time = has_time_until(context.deadline);
                let response = batch.handle(trigger.handler.as_ref(), &settle, &has_time).await;
                Ok(serde_json::to_value(response)?)
            }
            Event::Schedule(event) => self.tick(&event, end_of(context.deadline)).await,
            Event::Bus(id) => self.relay(id, payload).await,
            Event::Check => Ok(check::answer(self.name, &self.ready_checks).await),
            Event::Http => http::answer(self.router.clone(), payload, context).await,
        }
    }

    /// Finds the handler of a queue. Its platform name may have a prefix, a suffix of the stage, or
    /// `.fifo`; with one handler there is nothing to choose.
    fn queue(&self, platform_name: Option<&str>) -> Result<&QueueTrigger, Unhandled> {
        let found = match self.queues.as_slice() {
            [only] => Some(only),
            many => many.iter().find(|trigger| is_named(trigger.queue, platform_name)),
        };
        let what = || format!("queue `{}`", platform_name.unwrap_or("without a name"));
        found.ok_or_else(|| Unhandled { app: self.name, what: what() })
    }

    /// Runs a schedule, which is told when to begin nothing more and is cut off a moment before Lambda
    /// would: what it gathered in memory is still written out.
    async fn tick(&self, event: &ScheduledEvent, end: Option<Timestamp>) -> Result<Value, Error> {
        let found = match self.schedules.as_slice() {
            [only] => Some(only),
            many => many.iter().find(|schedule| {
                event.rules.iter().any(|rule| is_named(schedule.name, Some(rule)))
            }),
        };
        let what = || format!("the schedule of `{}`", event.rules.join("`, `"));
        let schedule = found.ok_or_else(|| Unhandled { app: self.name, what: what() })?;
        let due_at = event.due_at.unwrap_or_else(|| SystemClock.now());
        let tick = Tick { due_at, until: end.map(|it| it.minus(LAST_BEGIN)) };
        let run = AssertUnwindSafe(schedule.handler.run(tick)).catch_unwind();
        let cut = async {
            match end {
                Some(end) => {
                    let left = end.minus(LAST_WRITES).since(SystemClock.now());
                    tokio::time::sleep(left).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ran = run => ran.unwrap_or_else(|_| Err(Failure::transient("the handler panicked")))?,
            () = cut => {
                warn!(schedule = schedule.name, "schedule `{}` was cut off: its time is over",
                    schedule.name);
                return Err(Failure::transient("it was cut off: its time is over").into());
            }
        }
        info!(schedule = schedule.name, "schedule `{}` ran", schedule.name);
        Ok(Value::Null)
    }

    /// Hands an event of a bus to the one queue handler, whole.
    async fn relay(&self, id: String, payload: &str) -> Result<Value, Error> {
        let trigger = self.queue(None)?;
        let message =
            Message { id, body: payload.to_owned(), group: None, attempt: 1, trace_parent: None };
        let report = run_batch(trigger.handler.as_ref(), vec![message], 1).await;
        match report.failed.into_iter().next() {
            None => Ok(Value::Null),
            Some((_, failure)) => Err(failure.into()),
        }
    }
}

/// Says, as long as it is not long before `deadline`, that there is time to begin something: what is
/// begun later would be cut off and done twice.
///
/// `deadline` is in milliseconds since 1970; one that is over already is none: runtimes of development
/// send a constant.
fn has_time_until(deadline: u64) -> impl Fn() -> bool + Send + Sync {
    let end = end_of(deadline);
    move || end.is_none_or(|it| SystemClock.now().plus(LAST_BEGIN) < it)
}

/// Reads when Lambda ends an invocation.
fn end_of(deadline: u64) -> Option<Timestamp> {
    let end = i64::try_from(deadline).ok().map(Timestamp::from_millis);
    end.filter(|it| *it > SystemClock.now())
}

/// Tells whether a platform's name, such as `moodbridge-dev-events.fifo`, is that of `ours`.
fn is_named(ours: &str, platform_name: Option<&str>) -> bool {
    let Some(name) = platform_name else { return false };
    let name = name.strip_suffix(".fifo").unwrap_or(name);
    name == ours || name.strip_suffix(ours).is_some_and(|prefix| prefix.ends_with('-'))
}

#[cfg(test)]
mod tests;
