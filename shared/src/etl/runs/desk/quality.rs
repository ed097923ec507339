//! How good the rows of a pipeline were, run by run.

use super::PipelineDesk;
use crate::etl::RuleReport;
use crate::etl::runs::orders::{PipelineDeskError, Quality, RuleQuality, RunQuality};
use crate::ports::{
    PartitionRun, PipelineRun, PipelineRunFilter, PipelineRunKind, PipelineRunState, RunCounts,
};

/// How many runs are looked through for those with a verdict.
const MAX_LOOKED_AT: usize = 500;
/// How many runs are read at once.
const PAGE: u32 = 50;
/// How many partitions are read at most: each brings a report of every rule.
const MAX_PARTITIONS: u64 = 4_000;

impl PipelineDesk {
    /// Tells how good the rows were in the newest `n_runs` that came to a verdict over their source.
    ///
    /// # Errors
    ///
    /// [`PipelineDeskError::NoPipeline`] or [`PipelineDeskError::Failed`].
    pub async fn quality(&self, name: &str, n_runs: usize) -> Result<Quality, PipelineDeskError> {
        let journal = &self.ports.journal;
        let mut quality = Quality::default();
        let (mut n_partitions, mut n_looked_at, mut before) = (0, 0, None);
        'pages: loop {
            let pipeline = Some(name.to_owned());
            let filter = PipelineRunFilter { pipeline, state: None, before, limit: PAGE };
            let page = journal.pipeline_runs(&filter).await.map_err(PipelineDeskError::Failed)?;
            let Some(last) = page.last() else { break };
            before = Some((last.requested_at, last.id.clone()));
            n_looked_at += page.len();
            for run in page.into_iter().filter(has_verdict) {
                n_partitions += u64::from(run.n_partitions.unwrap_or(0));
                if quality.runs.len() == n_runs || n_partitions > MAX_PARTITIONS {
                    quality.is_cut = quality.runs.len() < n_runs;
                    break 'pages;
                }
                let found = journal.partitions(&run.id).await.map_err(PipelineDeskError::Failed)?;
                quality.runs.push(of_run(run, &found));
            }
            if n_looked_at >= MAX_LOOKED_AT {
                quality.is_cut = true;
                break;
            }
        }
        if quality.runs.is_empty() {
            self.show(name).await?;
        }
        quality.rules = over_runs(&quality.runs);
        Ok(quality)
    }
}

/// Tells whether the rows of a source were judged, so that the run says something of their quality.
fn has_verdict(run: &PipelineRun) -> bool {
    use PipelineRunState::{Refused, Succeeded};
    run.kind == PipelineRunKind::Source && matches!(run.state, Succeeded | Refused)
}

fn of_run(run: PipelineRun, partitions: &[PartitionRun]) -> RunQuality {
    let mut counts = RunCounts::default();
    for it in partitions {
        counts += it.counts;
    }
    RunQuality { counts, rules: of_all(partitions), run }
}

/// Adds the reports of all partitions, rule by rule.
pub(super) fn of_all(partitions: &[PartitionRun]) -> Vec<RuleReport> {
    let mut rules: Vec<RuleReport> = Vec::new();
    for it in partitions.iter().flat_map(|it| &it.rules) {
        match rules.iter_mut().find(|rule| rule.rule == it.rule) {
            Some(rule) => {
                rule.n_checked += it.n_checked;
                rule.n_failed += it.n_failed;
                // The figure of one partition is not that of all.
                rule.found = None;
            }
            None => rules.push(it.clone()),
        }
    }
    rules
}

/// Adds the reports of all runs; the rule that was broken most often comes first.
fn over_runs(runs: &[RunQuality]) -> Vec<RuleQuality> {
    let mut rules: Vec<RuleQuality> = Vec::new();
    for it in runs.iter().flat_map(|it| &it.rules) {
        let place = rules.iter().position(|rule| rule.rule == it.rule);
        let place = place.unwrap_or_else(|| {
            rules.push(RuleQuality::new(it));
            rules.len() - 1
        });
        if let Some(rule) = rules.get_mut(place) {
            rule.n_checked += it.n_checked;
            rule.n_failed += it.n_failed;
            rule.n_runs += 1;
            rule.n_runs_broken += u32::from(it.n_failed > 0);
        }
    }
    rules.sort_by(|a, b| b.n_runs_broken.cmp(&a.n_runs_broken).then(b.n_failed.cmp(&a.n_failed)));
    rules
}
