//! The steps of a plan, each of which can be done again.
//!
//! A statement is begun under an id made of the plan's, its handle is saved, and only then it is waited
//! for. It is always sent as one that may have been sent before: another run may follow this plan.

use std::future::Future;

use metrics::counter;
use tracing::{info, warn};

use super::error::LoadError;
use super::run::{Entry, Going, LoadTally, Loader};
use super::state::{Plan, PlanStep};
use super::tables::{self, CHANGE_SEQ, CHANGED_AT, ID};
use crate::error::{PortError, Retry};
use crate::lake::LakeTable;
use crate::ports::warehouse::{
    BadRows, FileOutcome, Load, LoadReport, Merge, MergeReport, Patience, Progress, Sending,
    Statement, StatementHandle, Step, load_within, merge_within,
};

impl Loader {
    /// Does the next thing for `plan`, and saves it.
    pub(super) async fn advance(
        &self,
        entry: &mut Entry,
        mut plan: Plan,
        tally: &mut LoadTally,
    ) -> Result<Going, LoadError> {
        let patience = self.patience(entry.until);
        let taken = match plan.step {
            PlanStep::Load => self.load(entry, &mut plan, patience).await,
            PlanStep::Held => self.held(entry.table, &mut plan),
            PlanStep::Changes => self.merge_changes(entry, &mut plan, patience).await,
            PlanStep::Current => self.merge_current(entry, &mut plan, patience).await,
            PlanStep::Clear => return self.clear(entry, plan, patience, tally).await,
        };
        match taken {
            Ok(Taken::Waits) => Ok(Going::Later),
            Ok(Taken::Lost) => {
                warn!(table = %entry.table, load.id = %plan.id, "files of this load were loaded before, and its answer is lost: they are loaded again into a new table");
                entry.state.begin_anew();
                self.save(entry).await.map(|_| Going::On)
            }
            Ok(Taken::On) => {
                entry.state.plan = Some(plan);
                self.save(entry).await.map(|_| Going::On)
            }
            Err(error) => Err(self.give_up(entry, plan, error).await),
        }
    }

    /// Sees to it that the next run does not meet the same failure, where it would last.
    async fn give_up(&self, entry: &mut Entry, mut plan: Plan, error: LoadError) -> LoadError {
        let LoadError::Port { source, .. } = &error else { return error };
        if source.retry() != Retry::Never {
            return error;
        }
        if plan.step == PlanStep::Load {
            entry.state.begin_anew();
        } else {
            // Sent under a new id: under the old one, the old failure is the answer.
            plan.attempt += 1;
            plan.handle = None;
            entry.state.plan = Some(plan);
        }
        match self.save(entry).await {
            Ok(_) => error,
            Err(unsaved) => {
                warn!(table = %entry.table, error = %crate::chain(&unsaved), "a failed load was not given up");
                error
            }
        }
    }

    async fn load(
        &self,
        entry: &Entry,
        plan: &mut Plan,
        patience: Patience,
    ) -> Result<Taken, LoadError> {
        let table = entry.table;
        let staging = self.tables(table, entry.state.generation)?.staging;
        let load = Load::new(plan.statement_id(), staging, plan.staged())
            .map_err(LoadError::load(table))?
            .sent(Sending::Again)
            .with_bad_rows(BadRows::LoadRest);
        let warehouse = &*self.ports.warehouse;
        let begun = plan.handle.clone();
        let step = begin_or_wait(begun, |begun| async {
            match begun {
                None => warehouse.load(&load, None).await,
                begun => load_within(warehouse, &load, begun, patience).await,
            }
        });
        match step.await.map_err(LoadError::port(table))? {
            Begun::Started(handle) => plan.handle = Some(handle),
            Begun::Runs => return Ok(Taken::Waits),
            Begun::Ended(report) if is_doubtful(&report) => return Ok(Taken::Lost),
            Begun::Ended(report) => self.take(entry, plan, &load, &report).await?,
        }
        Ok(Taken::On)
    }

    /// Takes in what a load brought: rows that were refused are written down before anything is merged.
    async fn take(
        &self,
        entry: &Entry,
        plan: &mut Plan,
        load: &Load,
        report: &LoadReport,
    ) -> Result<(), LoadError> {
        let short = report.shortfalls(load);
        plan.n_rows = report.n_rows();
        plan.n_rejected = short.iter().map(|it| it.n_staged.saturating_sub(it.n_loaded)).sum();
        if !short.is_empty() {
            self.quarantine(entry, plan, load, &short).await?;
        }
        let is_too_many = plan.n_rejected > self.settings.max_rejects;
        plan.step = if is_too_many { PlanStep::Held } else { PlanStep::Changes };
        plan.handle = None;
        Ok(())
    }

    fn held(&self, table: LakeTable, plan: &mut Plan) -> Result<Taken, LoadError> {
        let (n_rejected, limit) = (plan.n_rejected, self.settings.max_rejects);
        if !self.settings.accepts_rejects && n_rejected > limit {
            return Err(LoadError::TooManyRejects { table, n_rejected, limit });
        }
        plan.step = PlanStep::Changes;
        Ok(Taken::On)
    }

    async fn merge_changes(
        &self,
        entry: &Entry,
        plan: &mut Plan,
        patience: Patience,
    ) -> Result<Taken, LoadError> {
        // One change is the same wherever it is met, so that it is never newer than itself.
        let step = self.merge(entry, plan, (CHANGE_SEQ, CHANGED_AT), patience).await?;
        Ok(match step {
            Begun::Runs => Taken::Waits,
            Begun::Started(handle) => {
                plan.handle = Some(handle);
                Taken::On
            }
            Begun::Ended(MergeReport { n_inserted, .. }) => {
                plan.n_new = n_inserted;
                (plan.step, plan.handle) = (PlanStep::Current, None);
                Taken::On
            }
        })
    }

    async fn merge_current(
        &self,
        entry: &Entry,
        plan: &mut Plan,
        patience: Patience,
    ) -> Result<Taken, LoadError> {
        let step = self.merge(entry, plan, (ID, CHANGE_SEQ), patience).await?;
        Ok(match step {
            Begun::Runs => Taken::Waits,
            Begun::Started(handle) => {
                plan.handle = Some(handle);
                Taken::On
            }
            Begun::Ended(_) => {
                (plan.step, plan.handle) = (PlanStep::Clear, None);
                Taken::On
            }
        })
    }

    /// Merges what was loaded into the table of the present step.
    async fn merge(
        &self,
        entry: &Entry,
        plan: &Plan,
        (key, version): (&str, &str),
        patience: Patience,
    ) -> Result<Begun<MergeReport>, LoadError> {
        let table = entry.table;
        let named = self.tables(table, entry.state.generation)?;
        let target = if plan.step == PlanStep::Changes { named.changes } else { named.current };
        let column = |name: &str| tables::column(name).map_err(|it| LoadError::unfit(table, it));
        let rest = tables::columns(&entry.state.columns, &[key, version])
            .map_err(|it| LoadError::unfit(table, it))?;
        let (key, version) = (vec![column(key)?], vec![column(version)?]);
        let merge = Merge::new(plan.statement_id(), (named.staging, target), key, version, rest)
            .map_err(LoadError::merge(table))?
            .sent(Sending::Again);
        let warehouse = &*self.ports.warehouse;
        let step = begin_or_wait(plan.handle.clone(), |begun| async {
            match begun {
                None => warehouse.merge(&merge, None).await,
                begun => merge_within(warehouse, &merge, begun, patience).await,
            }
        });
        step.await.map_err(LoadError::port(table))
    }

    /// Deletes what is merged where it was loaded, and ends the plan. Up to the position everything is
    /// merged, whoever loaded it: so this may come late, and twice.
    async fn clear(
        &self,
        entry: &mut Entry,
        mut plan: Plan,
        patience: Patience,
        tally: &mut LoadTally,
    ) -> Result<Going, LoadError> {
        let table = entry.table;
        let staging = self.tables(table, entry.state.generation)?.staging;
        let statement = Statement::new(plan.statement_id(), tables::clear(&staging))
            .bind(i64::try_from(plan.then).unwrap_or(i64::MAX))
            .sent(Sending::Again);
        let warehouse = &*self.ports.warehouse;
        let step = begin_or_wait(plan.handle.clone(), |begun| async {
            match begun {
                None => warehouse.submit(&statement).await.map(Step::Running),
                Some(handle) => wait(self, handle, patience).await,
            }
        });
        match step.await.map_err(LoadError::port(table)) {
            Ok(Begun::Runs) => Ok(Going::Later),
            Ok(Begun::Started(handle)) => {
                plan.handle = Some(handle);
                entry.state.plan = Some(plan);
                self.save(entry).await.map(|_| Going::On)
            }
            Ok(Begun::Ended(())) => {
                let id = plan.id.clone();
                entry.state.settle(&plan, self.ports.clock.now());
                if self.save(entry).await? {
                    tell(table, &plan, tally);
                } else {
                    info!(table = %table, load.id = %id, "another run ended this load of `{table}`");
                }
                Ok(Going::On)
            }
            Err(error) => Err(self.give_up(entry, plan, error).await),
        }
    }
}

/// What became of a step.
enum Taken {
    On,
    Waits,
    /// The answer of the load is lost for good.
    Lost,
}

/// What became of a statement.
enum Begun<T> {
    Started(StatementHandle),
    Runs,
    Ended(T),
}

/// Begins a statement, or waits for what was begun.
async fn begin_or_wait<T, F>(
    begun: Option<StatementHandle>,
    go_on: impl FnOnce(Option<StatementHandle>) -> F,
) -> Result<Begun<T>, PortError>
where
    F: Future<Output = Result<Step<T>, PortError>>,
{
    let is_begun = begun.is_some();
    Ok(match go_on(begun).await? {
        Step::Done(ended) => Begun::Ended(ended),
        Step::Running(_) if is_begun => Begun::Runs,
        Step::Running(handle) => Begun::Started(handle),
    })
}

/// Waits for a statement that was begun.
async fn wait(
    loader: &Loader,
    handle: StatementHandle,
    patience: Patience,
) -> Result<Step<()>, PortError> {
    let warehouse = &*loader.ports.warehouse;
    let progress = crate::ports::warehouse::poll_within(warehouse, &handle, patience).await?;
    Ok(match progress {
        Progress::Done(_) => Step::Done(()),
        Progress::Running => Step::Running(handle),
    })
}

/// A file that was loaded before was told of in an answer that nobody has any more.
fn is_doubtful(report: &LoadReport) -> bool {
    report.files.iter().any(|it| it.outcome == FileOutcome::AlreadyLoaded)
}

fn tell(table: LakeTable, plan: &Plan, tally: &mut LoadTally) {
    let n_files = u64::try_from(plan.files.len()).unwrap_or(u64::MAX);
    tally.n_files += n_files;
    tally.n_rows += plan.n_new;
    tally.n_rejected += plan.n_rejected;
    counter!("warehouse_rows_total", "table" => table.as_str()).increment(plan.n_new);
    counter!("warehouse_rejects_total", "table" => table.as_str()).increment(plan.n_rejected);
    info!(table = %table, load.id = %plan.id, n_files, n_rows = plan.n_new, n_rejected = plan.n_rejected,
        "loaded {n_files} files of `{table}`, up to {}", plan.then);
}
