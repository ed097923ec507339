//! Says that a runner lives, and learns when it is not wanted any more.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shared::chain;
use shared::ports::{
    Clock, Kept, PartitionRun, PipelineJournal, PipelineProgress, PipelineRun, PipelineRunState,
};
use shared::time::Timestamp;
use tokio::sync::Mutex;
use tracing::warn;

use crate::ports::{RunnerPorts, RunnerSettings};

/// How long the engine may take to notice that it is not wanted, before it is cut off.
const GRACE: Duration = Duration::from_secs(15);

/// Why a partition is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It goes on.
    None,
    /// Its run was cancelled, or is in another round.
    Unwanted,
    /// Somebody else has it.
    Lost,
    /// Its time is over.
    Overrun,
}

/// A partition in hand.
pub(crate) struct Watch<'a> {
    journal: &'a dyn PipelineJournal,
    clock: &'a dyn Clock,
    settings: RunnerSettings,
    run: PipelineRun,
    until: Option<Timestamp>,
    /// What the journal holds of it, as we wrote it last.
    kept: Mutex<Kept<PartitionRun>>,
    stop: AtomicU8,
}

impl<'a> Watch<'a> {
    /// Watches over the partition `kept` of `run`.
    pub(crate) fn new(
        ports: &'a RunnerPorts,
        settings: RunnerSettings,
        run: PipelineRun,
        kept: Kept<PartitionRun>,
    ) -> Self {
        let until = settings.within.map(|it| ports.clock.now().plus(it));
        Self {
            journal: &*ports.journal,
            clock: &*ports.clock,
            settings,
            run,
            until,
            kept: Mutex::new(kept),
            stop: AtomicU8::new(0),
        }
    }

    /// Tells the time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells why it is to end.
    pub(crate) fn stop(&self) -> Stop {
        match self.stop.load(Ordering::Acquire) {
            0 => Stop::None,
            1 => Stop::Unwanted,
            2 => Stop::Lost,
            _ => Stop::Overrun,
        }
    }

    /// The first reason stands.
    fn end(&self, why: Stop) {
        let _ = self.stop.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Says so often that the runner lives; returns when the partition is to end and did not.
    pub(crate) async fn keep(&self) {
        while self.stop() == Stop::None {
            let left = self.until.map(|it| it.since(self.clock.now()));
            let nap =
                left.map_or(self.settings.renew_every, |it| it.min(self.settings.renew_every));
            tokio::time::sleep(nap).await;
            if self.until.is_some_and(|it| it <= self.clock.now()) {
                self.end(Stop::Overrun);
                break;
            }
            self.renew().await;
        }
        tokio::time::sleep(GRACE).await;
    }

    /// Makes the lease longer, as long as the partition is ours and wanted.
    async fn renew(&self) -> bool {
        let renewed = async {
            let run = self.journal.pipeline_run(&self.run.id).await?;
            let is_wanted = run
                .is_some_and(|it| !it.value.state.is_ended() && it.value.round == self.run.round);
            if !is_wanted {
                self.end(Stop::Unwanted);
                return Ok(false);
            }
            let lease = self.clock.now().plus(self.settings.lease);
            let is_ours = self.write(|it| it.leased_until = Some(lease)).await?;
            if !is_ours {
                self.end(Stop::Lost);
            }
            Ok::<_, shared::PortError>(is_ours)
        };
        match renewed.await {
            Ok(is_ours) => is_ours,
            Err(error) => {
                warn!(run.id = %self.run.id, error = %chain(&error),
                    "the lease of a partition of run `{}` was not renewed", self.run.id);
                let kept = self.kept.lock().await;
                if kept.value.leased_until.is_none_or(|it| it <= self.clock.now()) {
                    self.end(Stop::Lost);
                }
                false
            }
        }
    }

    /// Changes what the journal holds; says whether it was still ours to change.
    pub(crate) async fn write(
        &self,
        change: impl FnOnce(&mut PartitionRun),
    ) -> Result<bool, shared::PortError> {
        let mut kept = self.kept.lock().await;
        let mut next = kept.value.clone();
        change(&mut next);
        while !self.journal.put_partition(&next, kept.revision).await? {
            // A renewal may have been cut off after it was written: the owner tells whose it is.
            let found = self.journal.partition(&kept.value.run, kept.value.number).await?;
            let ours = found.filter(|it| it.value.owner == kept.value.owner);
            match ours {
                Some(ours) if ours.revision != kept.revision => kept.revision = ours.revision,
                _ => return Ok(false),
            }
        }
        *kept = Kept { value: next, revision: kept.revision + 1 };
        Ok(true)
    }

    /// Gives the partition back, with the reason; whoever takes it next begins anew.
    pub(crate) async fn give_back(&self, reason: &str, is_overrun: bool) {
        let given = self.write(|it| {
            it.state = PipelineRunState::Queued;
            it.owner = None;
            it.leased_until = None;
            it.message = Some(reason.to_owned());
            it.n_overruns += u32::from(is_overrun);
        });
        if let Err(error) = given.await {
            // Its lease ends by itself.
            warn!(run.id = %self.run.id, error = %chain(&error),
                "a partition of run `{}` was not given back", self.run.id);
        }
    }

    /// How often it was handed back before.
    pub(crate) async fn n_overruns(&self) -> u32 {
        self.kept.lock().await.value.n_overruns
    }
}

#[async_trait]
impl PipelineProgress for Watch<'_> {
    fn passed(&self, _n_read: u64, _n_rejected: u64) {}

    fn is_wanted(&self) -> bool {
        self.stop() == Stop::None
    }

    /// A runner that slept past its lease must not put its files over those of another.
    async fn may_be_seen(&self) -> bool {
        self.stop() == Stop::None && self.renew().await
    }
}
