//! A run as a chain: rows of a source through steps over single rows, through a step over many rows, and
//! on. What goes on in all of its parts is counted and rejected at one place.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as AsyncMutex;
use shared::etl::{Action, PipelineError, Reject, ReplayRow, SetReport, Tally};
use shared::ports::PipelineProgress;

use super::compiled::Work;
use super::flow::{Flow, FlowError, TakeReject};
use super::origins::Origins;
use super::output::Output;
use super::rejects::reject_batch;
use super::replayed::ReplayedRows;
use super::rows::Rows;
use super::sets::{SetFigures, SetSteps, SetWork};
use super::source::{Files, Portion, RowSource, Wanted};

/// What all parts of a run share.
pub(super) struct Common {
    flows: Vec<Mutex<Flow>>,
    tally: Mutex<Tally>,
    rejects: AsyncMutex<Rejects>,
    /// Why a part in the middle failed: what is between does not carry it.
    #[cfg(feature = "sets")]
    failed: Mutex<Option<PipelineError>>,
    reject_action: Action,
    at: String,
}

/// Rejects, and where they are written.
pub(super) struct Rejects {
    pub(super) samples: Vec<Reject>,
    pub(super) n_samples: usize,
    pub(super) quarantine: Option<Output>,
}

/// The rejects of some rows, until they are written.
#[derive(Default)]
struct Taken(Vec<(Reject, Action)>);

impl TakeReject for Taken {
    fn take(&mut self, reject: Reject, action: Action) {
        self.0.push((reject, action));
    }
}

/// Rows of one source through steps over single rows.
pub(super) struct Stretch {
    source: Box<dyn RowSource>,
    common: Arc<Common>,
    number: usize,
}

/// All of a run but its sink.
pub(super) struct Chain {
    pub(super) common: Arc<Common>,
    pub(super) last: Stretch,
    pub(super) unread_columns: Vec<String>,
    figures: Vec<Arc<SetFigures>>,
}

/// Takes what another thread left, also when it broke.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a chain is made of.
pub(super) struct Links {
    pub(super) source: Wanted,
    pub(super) stretches: Vec<Vec<Work>>,
    pub(super) sets: Vec<SetWork>,
    pub(super) tally: Tally,
    pub(super) rejects: Rejects,
    pub(super) reject_action: Action,
    pub(super) memory_mb: u32,
    /// Where what memory cannot hold is put.
    pub(super) scratch: PathBuf,
    /// Whether rules that look at other files or at all rows are left out.
    pub(super) is_test: bool,
    /// What is read in place of the source.
    pub(super) rows: Option<Vec<ReplayRow>>,
    /// Whether rejects have the whole row with them.
    pub(super) keeps_rows: bool,
}

impl Chain {
    /// Puts `links` together. Nothing is read but the begin of the source, and what rules refer to.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`] or [`PipelineError::Unfit`].
    pub(super) async fn begin(files: &Files, links: Links) -> Result<Self, PipelineError> {
        let Links { source, stretches, sets, tally, rejects, reject_action, .. } = links;
        let at = source.at.to_string();
        let mut flows = Vec::with_capacity(stretches.len());
        for work in stretches {
            let mut flow = Flow::new(work, reject_action);
            if links.is_test {
                flow.without_surroundings();
            }
            remember_references(files, &mut flow).await?;
            flows.push(Mutex::new(flow));
        }
        let mut source = match links.rows {
            Some(rows) => Box::new(ReplayedRows::new(source, rows)?) as Box<dyn RowSource>,
            None => files.open(source).await?,
        };
        if links.keeps_rows {
            source.keep_rows();
        }
        let unread_columns = source.unread_columns().to_vec();
        let (tally, rejects) = (Mutex::new(tally), AsyncMutex::new(rejects));
        let common = Arc::new(Common {
            flows,
            tally,
            rejects,
            #[cfg(feature = "sets")]
            failed: Mutex::new(None),
            reject_action,
            at,
        });
        let mut last = Stretch { source, common: Arc::clone(&common), number: 0 };
        let mut figures = Vec::with_capacity(sets.len());
        let mut steps = SetSteps::new(files.clone(), links.memory_mb, links.scratch);
        for (number, work) in sets.into_iter().enumerate() {
            let (source, counted) = steps.source(work, last)?;
            figures.push(counted);
            last = Stretch { source, common: Arc::clone(&common), number: number + 1 };
        }
        Ok(Self { common, last, unread_columns, figures })
    }

    /// Says what became of the steps over many rows.
    pub(super) fn set_reports(&self) -> Vec<SetReport> {
        self.figures.iter().map(|it| it.report()).collect()
    }
}

/// Reads what rules refer to.
async fn remember_references(files: &Files, flow: &mut Flow) -> Result<(), PipelineError> {
    for rule in flow.rules_mut() {
        let Some(reference) = rule.work.reference.clone() else { continue };
        let at = reference.at.to_string();
        let mut source = files.open(reference).await?;
        while let Some(portion) = source.next().await? {
            let columns = portion.rows.batch.columns();
            rule.remember(columns).map_err(|error| unfit(&at, &error))?;
        }
    }
    Ok(())
}

fn unfit(at: &str, error: &FlowError) -> PipelineError {
    PipelineError::Unfit { at: at.to_owned(), text: shared::chain(error).to_string() }
}

impl Stretch {
    /// Returns the next rows; `None` behind the last, and when the run is to end.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`] or [`PipelineError::Unfit`].
    pub(super) async fn next(&mut self) -> Result<Option<Rows>, PipelineError> {
        if self.common.tally().is_stopped() {
            return Ok(None);
        }
        match self.source.next().await? {
            Some(portion) => self.common.pass(self.number, portion).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns what it shares with others.
    #[cfg(feature = "sets")]
    pub(super) fn common(&self) -> Arc<Common> {
        Arc::clone(&self.common)
    }
}

impl Common {
    /// Returns the counts.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        locked(&self.tally)
    }

    /// Lists the steps between steps over many rows.
    pub(super) fn flows(&self) -> impl Iterator<Item = MutexGuard<'_, Flow>> {
        self.flows.iter().map(locked)
    }

    /// Keeps why a part in the middle failed.
    #[cfg(feature = "sets")]
    pub(super) fn fail(&self, error: PipelineError) {
        locked(&self.failed).get_or_insert(error);
    }

    /// Returns why a part in the middle failed.
    #[cfg(feature = "sets")]
    pub(super) fn failure(&self) -> Option<PipelineError> {
        locked(&self.failed).take()
    }

    /// Writes rejects into `quarantine` from now on.
    pub(super) async fn write_rejects(&self, quarantine: Output) {
        self.rejects.lock().await.quarantine = Some(quarantine);
    }

    /// Takes out the rejects, with their file.
    pub(super) async fn take_rejects(&self) -> (Vec<Reject>, Option<Output>) {
        let mut rejects = self.rejects.lock().await;
        (std::mem::take(&mut rejects.samples), rejects.quarantine.take())
    }

    /// Tells `progress` how far the run has come.
    pub(super) fn tell(&self, progress: &dyn PipelineProgress) {
        let (n_read, n_rejected) = {
            let tally = self.tally();
            (tally.n_read, tally.n_rejected)
        };
        progress.passed(n_read, n_rejected);
    }

    async fn pass(&self, stretch: usize, mut portion: Portion) -> Result<Rows, PipelineError> {
        let mut taken = Taken::default();
        let origins = std::mem::take(&mut portion.origins);
        let rows = self.sift(stretch, portion, &mut taken);
        let rows = rows.map_err(|error| unfit(&self.at, &error))?;
        if !taken.0.is_empty() {
            self.rejects.lock().await.add(taken.0, &origins).await?;
        }
        Ok(rows)
    }

    /// Counts what was read, and sends it through the steps.
    fn sift(&self, stretch: usize, portion: Portion, taken: &mut Taken) -> Result<Rows, FlowError> {
        let mut tally = self.tally();
        let n_before = tally.n_rejected;
        if stretch == 0 {
            tally.n_read += portion.n_read;
        }
        tally.n_rejected += portion.n_unread;
        for reject in portion.rejects {
            tally.count(&reject.rule, 0, 1);
            taken.take(reject, self.reject_action);
        }
        let Some(flow) = self.flows.get(stretch) else { return Ok(portion.rows) };
        let rows = locked(flow).pass(portion.rows, &mut tally, taken)?;
        if let Some(set) = stretch.checked_sub(1) {
            let n_rejected = tally.n_rejected - n_before;
            tally.count_behind(set, portion.n_read, n_rejected);
        }
        Ok(rows)
    }
}

impl Rejects {
    async fn add(
        &mut self,
        taken: Vec<(Reject, Action)>,
        origins: &Origins,
    ) -> Result<(), PipelineError> {
        let mut waiting = Vec::new();
        for (reject, action) in taken {
            if self.samples.len() < self.n_samples {
                self.samples.push(reject.clone());
            }
            if matches!(action, Action::Quarantine | Action::Stop) {
                waiting.push(reject);
            }
        }
        if let Some(quarantine) = &mut self.quarantine
            && !waiting.is_empty()
        {
            quarantine.write(&reject_batch(&waiting, origins)?).await?;
        }
        Ok(())
    }
}
