//! A pipeline whose statements a warehouse runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::{Counted, PushedDown, StatementUse};
use crate::error::PortError;
use crate::etl::check::Check;
use crate::etl::pipeline::Pipeline;
use crate::etl::place::Place;
use crate::etl::report::{PipelineError, Reject, RunReport, built_in};
use crate::etl::tally::Tally;
use crate::ports::warehouse::{
    Patience, Progress, Statement, StatementHandle, StatementId, Warehouse, WarehouseValue,
    poll_within,
};
use crate::ports::{Clock, PipelineProgress, Random, RunOptions};

/// How long one statement may take.
const WITHIN: Duration = Duration::from_hours(1);
/// How long a statement is waited for before it is asked whether it is still wanted.
const LOOK: Patience = Patience(Duration::from_secs(5));

/// Runs pipelines within a warehouse.
#[derive(Clone)]
pub struct InWarehouse {
    /// Where the tables are.
    pub warehouse: Arc<dyn Warehouse>,
    /// Tells how long a run took.
    pub clock: Arc<dyn Clock>,
    /// Names statements.
    pub random: Arc<dyn Random>,
}

/// What the counts tell: rows by word and stretch, and by rule those that were checked and that broke it.
#[derive(Default)]
struct Counts {
    rows: BTreeMap<(&'static str, u64), u64>,
    rules: BTreeMap<String, (u64, u64)>,
    figures: BTreeMap<String, u64>,
}

impl InWarehouse {
    /// Runs the statements of `pipeline`. What they left behind is taken away, whatever happened.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when a table holds something else than the pipeline says,
    /// [`PipelineError::Store`] as the warehouse answers, [`PipelineError::Stopped`].
    pub async fn run(
        &self,
        pipeline: &Pipeline,
        pushed: &PushedDown,
        options: RunOptions,
        progress: &dyn PipelineProgress,
    ) -> Result<RunReport, PipelineError> {
        let running = Running { ports: self, place: &pipeline.sink.part.at, progress };
        for sql in pushed.of(StatementUse::Types) {
            running.check_types(sql).await?;
        }
        let ran = running.pass(pipeline, pushed, options).await;
        for sql in pushed.of(StatementUse::Clean) {
            let cleaned = running.end(sql).await;
            // Of a run that failed the next one takes the place of what is left.
            if ran.is_ok() {
                cleaned?;
            }
        }
        ran
    }
}

struct Running<'a> {
    ports: &'a InWarehouse,
    place: &'a Place,
    progress: &'a dyn PipelineProgress,
}

impl Running<'_> {
    fn failed(&self, source: PortError) -> PipelineError {
        PipelineError::store("warehouse", self.place, source)
    }

    /// Runs a statement to its end, unless the run is no longer wanted.
    async fn execute(&self, sql: &str) -> Result<StatementHandle, PipelineError> {
        if !self.progress.is_wanted() {
            return Err(PipelineError::Stopped);
        }
        self.end(sql).await
    }

    /// Runs a statement to its end. One that is no longer wanted is cancelled.
    async fn end(&self, sql: &str) -> Result<StatementHandle, PipelineError> {
        let InWarehouse { warehouse, random, .. } = self.ports;
        let id = StatementId::from_random(random.bits());
        let statement = Statement::new(id, sql).with_timeout(WITHIN);
        let handle = warehouse.submit(&statement).await.map_err(|error| self.failed(error))?;
        loop {
            let looked = poll_within(&**warehouse, &handle, LOOK).await;
            match looked.map_err(|error| self.failed(error))? {
                Progress::Done(_) => return Ok(handle),
                Progress::Running if self.progress.is_wanted() => {}
                Progress::Running => {
                    warehouse.cancel(&handle).await.map_err(|error| self.failed(error))?;
                    return Err(PipelineError::Stopped);
                }
            }
        }
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Vec<WarehouseValue>>, PipelineError> {
        let handle = self.execute(sql).await?;
        let rows = self.ports.warehouse.rows(&handle).await.map_err(|error| self.failed(error))?;
        rows.rows.try_collect().await.map_err(|error| self.failed(error))
    }

    /// Sees that tables hold what the pipeline says, of which there are as many faults as columns.
    async fn check_types(&self, sql: &str) -> Result<(), PipelineError> {
        let faults = self.rows(sql).await?;
        let faults: Vec<&str> =
            faults.iter().filter_map(|it| it.first().and_then(WarehouseValue::as_text)).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(PipelineError::Unfit {
                at: self.place.to_string(),
                text: format!(
                    "the tables do not hold what the pipeline says: {}",
                    faults.join("; ")
                ),
            }),
        }
    }

    async fn pass(
        &self,
        pipeline: &Pipeline,
        pushed: &PushedDown,
        options: RunOptions,
    ) -> Result<RunReport, PipelineError> {
        let started_at = self.ports.clock.now();
        for used in [StatementUse::Snapshot, StatementUse::Rows] {
            for sql in pushed.of(used) {
                self.execute(sql).await?;
            }
        }
        let mut counts = Counts::default();
        for sql in pushed.of(StatementUse::Counts) {
            let rows = self.rows(sql).await?;
            rows.iter().try_for_each(|it| counts.add(it)).map_err(|()| PipelineError::Unfit {
                at: self.place.to_string(),
                text: "the warehouse counts in another form".to_owned(),
            })?;
        }
        let tally = counts.tally(pipeline);
        self.progress.passed(tally.n_read, tally.n_rejected);
        let mut report = RunReport {
            pipeline: pipeline.name.clone(),
            verdict: tally.verdict(pipeline.threshold),
            is_dry_run: options.is_dry_run,
            started_at,
            duration_ms: 0,
            n_read: tally.n_read,
            n_filtered: tally.n_filtered,
            n_rejected: tally.n_rejected,
            n_out: counts.of(Counted::Out),
            passed_percent: tally.passed_percent(),
            threshold_percent: pipeline.threshold.get(),
            rules: tally.reports(),
            sets: Vec::new(),
            unread_columns: Vec::new(),
            output: None,
            table: None,
            quarantine: None,
            samples: self.samples(pushed, options.n_samples).await?,
        };
        if !options.is_dry_run {
            self.show(pushed, report.is_passed()).await?;
        }
        let took = self.ports.clock.now().since(started_at);
        report.duration_ms = took.as_millis().try_into().unwrap_or(u64::MAX);
        Ok(report)
    }

    /// Makes the quarantine seen whatever the verdict is, and the rows when the gate is open.
    async fn show(&self, pushed: &PushedDown, is_passed: bool) -> Result<(), PipelineError> {
        if !self.progress.may_be_seen().await {
            return Err(PipelineError::Stopped);
        }
        for sql in pushed.of(StatementUse::Quarantine) {
            self.execute(sql).await?;
        }
        for sql in pushed.of(StatementUse::Publish).filter(|_| is_passed) {
            self.execute(sql).await?;
        }
        Ok(())
    }

    async fn samples(
        &self,
        pushed: &PushedDown,
        n_samples: usize,
    ) -> Result<Vec<Reject>, PipelineError> {
        if n_samples == 0 {
            return Ok(Vec::new());
        }
        let sql = format!("{} LIMIT {n_samples}", pushed.rejects);
        let text = |row: &[WarehouseValue], place: usize| {
            row.get(place).and_then(WarehouseValue::as_text).unwrap_or_default().to_owned()
        };
        let reject = |row: Vec<WarehouseValue>| Reject {
            key: text(&row, 0),
            line: 0,
            rule: text(&row, 1),
            column: text(&row, 2),
            value: text(&row, 3),
            reason: text(&row, 4),
        };
        Ok(self.rows(&sql).await?.into_iter().map(reject).collect())
    }
}

impl Counts {
    /// Takes a row of the counts.
    fn add(&mut self, row: &[WarehouseValue]) -> Result<(), ()> {
        let [what, stretch, rule, n_checked, n_failed] = row else { return Err(()) };
        let what = what.as_text().ok_or(())?;
        let what = Counted::ALL.into_iter().find(|it| it.as_str() == what).ok_or(())?;
        let number = |it: &WarehouseValue| u64::try_from(it.as_i64()?).ok();
        let (n, failed) = number(n_checked).zip(number(n_failed)).ok_or(())?;
        let rule = rule.as_text().ok_or(())?.to_owned();
        match what {
            Counted::Rule => {
                let sums = self.rules.entry(rule).or_default();
                *sums = (sums.0 + n, sums.1 + failed);
            }
            Counted::Figure => drop(self.figures.insert(rule, n)),
            other => {
                *self.rows.entry((other.as_str(), number(stretch).ok_or(())?)).or_default() += n;
            }
        }
        Ok(())
    }

    /// Adds up the rows of one word.
    fn of(&self, what: Counted) -> u64 {
        self.rows.iter().filter(|(it, _)| it.0 == what.as_str()).map(|it| it.1).sum()
    }

    /// Counts as a run over files does. The first rule with the action `stop` is that of the pipeline:
    /// rows have no order.
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    fn tally(&self, pipeline: &Pipeline) -> Tally {
        let mut tally = Tally::of(pipeline);
        tally.n_read = self.of(Counted::Read);
        tally.n_filtered = self.of(Counted::Filtered);
        tally.n_rejected = self.of(Counted::Rejected);
        let names = built_in::ALL.into_iter();
        for rule in names.chain(pipeline.rules().map(|it| it.part.name.as_str())) {
            let (n_checked, n_failed) = self.rules.get(rule).copied().unwrap_or_default();
            tally.count(rule, n_checked, n_failed);
        }
        for rule in pipeline.rules() {
            if let (Check::RowCount(bounds), Some(n)) =
                (&rule.part.check, self.figures.get(&rule.part.name))
            {
                let found = format!("{n} rows, {bounds}");
                tally.conclude(&rule.part.name, Some(bounds.hold(*n as f64)), &found);
            }
        }
        let behind = self.rows.iter().filter(|(it, _)| it.0 == Counted::Behind.as_str());
        for ((_, stretch), n_in) in behind {
            let rejected = (Counted::Rejected.as_str(), *stretch);
            let n_rejected = self.rows.get(&rejected).copied().unwrap_or_default();
            let set = usize::try_from(stretch.saturating_sub(1)).unwrap_or(usize::MAX);
            tally.count_behind(set, *n_in, n_rejected);
        }
        tally
    }
}
