//! One call: attempts behind the guards of its host, repeated where that is safe.

use std::time::Duration;

use metrics::{counter, gauge};
use shared::PortError;
use tokio::time::Instant;

use crate::attempt::{Answer, Reading, Verdict, kind_of_fault, read_whole};
use crate::bulkhead::Place;
use crate::client::HttpClient;
use crate::fault::HttpFault;
use crate::guards::Guards;
use crate::observe::{count, observe};
use crate::request::Request;
use crate::response::Head;

/// A call under way.
pub(crate) struct Call<'a> {
    pub(crate) client: &'a HttpClient,
    pub(crate) request: &'a Request,
    pub(crate) host: &'a str,
    pub(crate) guards: &'a Guards,
    pub(crate) reading: Reading,
    pub(crate) deadline: Instant,
}

/// An attempt that went as far as the platform.
pub(crate) struct Tried {
    result: Result<Answer, HttpFault>,
    verdict: Verdict,
}

impl Call<'_> {
    /// Tries until there is an answer to hand on, or no more time, attempts or budget.
    pub(crate) async fn run(&self) -> Result<Answer, PortError> {
        let (settings, random) = (self.client.settings(), self.client.random());
        let budget = &self.guards.host.budget;
        budget.earn();
        let mut number = 1;
        let mut last_wait = None;
        loop {
            let Tried { result, verdict } = match self.request.is_hedged {
                true => Box::pin(self.hedged(number)).await?,
                false => self.attempt(number).await?,
            };
            let wait = settings.backoff.next(last_wait, verdict.asked, random);
            let goes_on = verdict.is_transient
                && (self.request.is_repeatable || verdict.is_unsent)
                && number < settings.max_attempts
                && self.guards.operation.breaker.is_closed()
                && Instant::now() + wait < self.deadline
                && budget.spend();
            if !goes_on {
                return result.map_err(|fault| self.refused(fault, None));
            }
            let Request { platform, operation, .. } = *self.request;
            counter!("platform_retries_total", "platform" => platform, "operation" => operation)
                .increment(1);
            tokio::time::sleep(wait).await;
            last_wait = Some(wait);
            number += 1;
        }
    }

    /// Tries once, and once more beside it when the answer is late: the first good one wins, and
    /// the other is cut off.
    async fn hedged(&self, number: u32) -> Result<Tried, PortError> {
        let settings = self.client.settings();
        let mut first = Box::pin(self.attempt(number));
        let late_after = self.guards.operation.latency.late_after(settings.hedge);
        if let Ok(done) = tokio::time::timeout(late_after, first.as_mut()).await {
            return done;
        }
        if !self.guards.host.budget.spend() {
            return first.await;
        }
        let Request { platform, operation, .. } = *self.request;
        counter!("platform_hedges_total", "platform" => platform, "operation" => operation)
            .increment(1);
        let mut second = Box::pin(self.attempt(number + 1));
        let is_good = |done: &Result<Tried, PortError>| {
            done.as_ref().is_ok_and(|it| !it.verdict.is_transient && it.result.is_ok())
        };
        tokio::select! {
            done = first.as_mut() => {
                if is_good(&done) {
                    return done;
                }
                let other = second.await;
                if is_good(&other) { other } else { done }
            }
            done = second.as_mut() => {
                if is_good(&done) { done } else { first.await }
            }
        }
    }

    /// Passes the guards and sends once.
    async fn attempt(&self, number: u32) -> Result<Tried, PortError> {
        let Self { request, client, .. } = *self;
        let (clock, hooks) = (client.clock(), client.hooks());
        self.pace().await?;
        let place = self.place().await?;
        let breaker = &self.guards.operation.breaker;
        let permit = breaker.admit(clock, hooks.board.as_deref()).await.map_err(|wait| {
            count(request, "breaker_open");
            self.refused(HttpFault::BreakerOpen, Some(wait))
        })?;
        let quota_call = match hooks.quota(request) {
            None => None,
            Some(quota) => {
                let taken = quota.take(request.urgency).await;
                let labels = [
                    ("platform", request.platform.to_owned()),
                    ("connection", quota.connection().to_owned()),
                ];
                gauge!("platform_quota_limit", &labels).set(as_level(quota.limit()));
                gauge!("platform_quota_left", &labels).set(as_level(quota.n_left()));
                Some(taken.map_err(|spent| {
                    count(request, "quota_spent");
                    let wait = spent.retry_after;
                    self.refused(HttpFault::QuotaSpent(spent), Some(wait))
                })?)
            }
        };
        let started = Instant::now();
        let result = self.send(place, number).await;
        drop(quota_call);
        let elapsed = started.elapsed();
        let verdict = Verdict::of(&result, self.request.final_status);
        let n_bytes_in = result.as_ref().map_or(0, Answer::n_bytes);
        observe(hooks, request, self.host, number, elapsed, n_bytes_in, verdict.outcome);
        if verdict.outcome == "ok" {
            self.guards.operation.latency.note(elapsed);
        }
        let change = if verdict.is_fault { permit.failed() } else { permit.succeeded() };
        breaker.share(change, hooks.board.as_deref()).await;
        Ok(Tried { result, verdict })
    }

    /// Sends and reads as far as asked, within the attempt's time.
    async fn send(&self, place: Place, number: u32) -> Result<Answer, HttpFault> {
        let Self { request, client, .. } = *self;
        let repeated = request.attempt(number);
        let request = repeated.as_ref().unwrap_or(request);
        let settings = client.settings();
        let within = request.attempt_timeout.unwrap_or(settings.attempt_timeout).min(self.left());
        let max_bytes = request.max_response_bytes.unwrap_or(settings.max_response_bytes);
        let work = async {
            let response = client.transport().send(request).await?;
            let head = Head::of(&response, client.clock().now());
            match self.reading {
                Reading::Head => Ok(Answer::Open(head, Box::new(response), place)),
                Reading::Whole => {
                    read_whole(response, max_bytes).await.map(|body| Answer::Whole(head, body))
                }
            }
        };
        tokio::time::timeout(within, work).await.unwrap_or(Err(HttpFault::Timeout { within }))
    }

    async fn pace(&self) -> Result<(), PortError> {
        let Some(pacer) = &self.guards.host.pacer else { return Ok(()) };
        let left = self.left();
        let Some(wait) = pacer.reserve(left) else {
            count(self.request, "paced");
            return Err(self.refused(HttpFault::Paced, Some(left)));
        };
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn place(&self) -> Result<Place, PortError> {
        let place = self.guards.host.bulkhead.enter(self.left()).await;
        place.ok_or_else(|| {
            count(self.request, "crowded");
            let max_concurrent = self.client.settings().max_concurrent;
            self.refused(HttpFault::Crowded { max_concurrent }, None)
        })
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn refused(&self, fault: HttpFault, wait: Option<Duration>) -> PortError {
        let error = self.request.error(kind_of_fault(&fault), fault);
        match wait {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; calls stay far below 2^53")]
fn as_level(n_calls: u64) -> f64 {
    n_calls as f64
}
