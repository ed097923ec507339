//! What commands of pipelines print.

use std::fmt;

use serde::Serialize;
use shared::etl::{
    ColumnLineage, Pipeline, PipelineFault, PipelinePlan, PlannedColumn, RunReport, TestReport,
    Verdict, WrittenTable,
};

/// One file that was checked.
#[derive(Serialize)]
pub(super) struct CheckedFile {
    pub(super) file: String,
    /// Its name, when it is right.
    pub(super) pipeline: Option<String>,
    pub(super) faults: Vec<PipelineFault>,
}

/// What was checked.
#[derive(Serialize)]
pub(super) struct Checked {
    pub(super) is_valid: bool,
    pub(super) files: Vec<CheckedFile>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.files.iter().flat_map(|it| match &it.pipeline {
            Some(name) => vec![format!("{}: pipeline `{name}` is right", it.file)],
            None => it.faults.iter().map(ToString::to_string).collect(),
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

fn list(columns: &[PlannedColumn]) -> String {
    columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a pipeline would do.
#[derive(Serialize)]
pub(super) struct Planned {
    #[serde(flatten)]
    plan: PipelinePlan,
    /// When it runs by itself, in words.
    schedule: Option<String>,
}

impl Planned {
    /// Tells what `pipeline` would do, by its plan.
    pub(super) fn of(pipeline: &Pipeline, plan: PipelinePlan) -> Self {
        Self { plan, schedule: pipeline.schedule.as_ref().map(ToString::to_string) }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PipelinePlan {
            pipeline, source, source_columns, steps, rules, threshold, sink, ..
        } = &self.plan;
        writeln!(f, "pipeline `{pipeline}`")?;
        self.schedule.iter().try_for_each(|it| writeln!(f, "runs     {it}"))?;
        writeln!(f, "reads    {source}\n         {}", list(source_columns))?;
        for step in steps {
            writeln!(f, "{:<8} {}\n         {}", step.path, step.does, list(&step.columns))?;
        }
        for rule in rules {
            let share = rule.threshold.map(|it| format!(", {it} must keep it"));
            let share = share.unwrap_or_default();
            writeln!(
                f,
                "rule     {} ({}): {}{share}",
                rule.rule,
                rule.check,
                rule.action.as_str()
            )?;
        }
        write!(f, "writes   {sink}, when {threshold} of the rows pass")
    }
}

/// Where columns come from, and how expressions are worked out.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Explained(Planned);

impl Explained {
    /// Explains `pipeline` by its plan.
    pub(super) fn of(pipeline: &Pipeline, plan: PipelinePlan) -> Self {
        Self(Planned::of(pipeline, plan))
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Planned { plan, schedule } = &self.0;
        let PipelinePlan { steps, rules, lineage, filtered_by, .. } = plan;
        schedule.iter().try_for_each(|it| writeln!(f, "runs {it}"))?;
        for step in steps.iter() {
            if let Some(worked_out) = &step.worked_out {
                writeln!(f, "{}: {}\n  is worked out as {worked_out}", step.path, step.does)?;
            }
        }
        for rule in rules.iter() {
            if let Some(expression) = &rule.expression {
                writeln!(f, "rule {}: {expression}", rule.rule)?;
            }
        }
        for ColumnLineage { column, kind, from, by } in lineage {
            let from = from.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let from = if from.is_empty() { "no column".to_owned() } else { from };
            write!(f, "{column} {kind} comes from {from}")?;
            if !by.is_empty() {
                write!(f, " by {}", by.join(", "))?;
            }
            writeln!(f)?;
        }
        let filters = filtered_by.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(
            f,
            "which rows are there hangs on: {}",
            if filters.is_empty() { "nothing" } else { &filters }
        )
    }
}

/// What a run did.
#[derive(Serialize)]
pub(super) struct Ran {
    /// The file of the source, where there are many.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) partition: String,
    #[serde(flatten)]
    pub(super) report: RunReport,
}

/// What runs of all files of a source did.
#[derive(Serialize)]
pub(super) struct RanAll {
    pub(super) partitions: Vec<Ran>,
}

impl fmt::Display for RanAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.partitions.is_empty() {
            return f.write_str("no file of the source is there");
        }
        for (idx, it) in self.partitions.iter().enumerate() {
            let end = if idx + 1 < self.partitions.len() { "\n" } else { "" };
            write!(f, "`{}`: {it}{end}", it.partition)?;
        }
        Ok(())
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = &self.report;
        let seconds = std::time::Duration::from_millis(it.duration_ms).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
        let rate = if seconds > 0.0 { it.n_read as f64 / seconds } else { 0.0 };
        writeln!(f, "{} rows read in {seconds:.1} s ({rate:.0} rows/s)", it.n_read)?;
        writeln!(
            f,
            "{} out, {} rejected, {} filtered; {:.3} % passed, {} % must",
            it.n_out, it.n_rejected, it.n_filtered, it.passed_percent, it.threshold_percent
        )?;
        for set in &it.sets {
            let shared::etl::SetReport { step, n_in, n_out, spilled_bytes, note, .. } = set;
            write!(f, "{step}: {n_in} rows in, {n_out} out")?;
            if *spilled_bytes > 0 {
                write!(f, ", {spilled_bytes} bytes on disk")?;
            }
            note.iter().try_for_each(|it| write!(f, "; {it}"))?;
            writeln!(f)?;
        }
        for rule in &it.rules {
            let found = rule.found.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
            if rule.n_failed > 0 || rule.found.is_some() {
                let verb = if rule.n_failed > 0 { "broken" } else { "kept" };
                let n = if rule.found.is_none() {
                    format!(" by {}", rule.n_failed)
                } else {
                    String::new()
                };
                writeln!(f, "rule `{}` ({}): {verb}{n}{found}", rule.rule, rule.action.as_str())?;
            }
        }
        for reject in &it.samples {
            let shared::etl::Reject { key, line, rule, column, value, reason } = reject;
            writeln!(f, "line {line} (`{key}`): {rule}: {column} `{value}` {reason}")?;
        }
        for (what, file) in [("written", &it.output), ("rejects", &it.quarantine)] {
            if let Some(file) = file {
                writeln!(f, "{what}: {}, {} rows, {} bytes", file.at, file.n_rows, file.n_bytes)?;
            }
        }
        if let Some(table) = &it.table {
            let WrittenTable { at, n_rows, n_new, n_changed, was_there, .. } = table;
            let told = if *was_there { ", appended by this run before" } else { "" };
            writeln!(f, "written: {at}, {n_rows} rows, {n_new} new, {n_changed} changed{told}")?;
        }
        match &it.verdict {
            Verdict::Stopped { reason } => write!(f, "STOPPED, no output is seen: {reason}"),
            verdict => {
                let word =
                    if *verdict == Verdict::Warned { "passed with warnings" } else { "passed" };
                write!(f, "{word}")?;
                if it.is_dry_run { write!(f, "; nothing was written") } else { Ok(()) }
            }
        }
    }
}

/// The tests of one file.
#[derive(Serialize)]
struct TestedFile {
    file: String,
    tests: Vec<TestReport>,
}

/// What was tested.
#[derive(Serialize)]
pub(super) struct Tested {
    pub(super) is_passed: bool,
    files: Vec<TestedFile>,
}

impl Tested {
    /// Begins with nothing.
    pub(super) fn new() -> Self {
        Self { is_passed: true, files: Vec::new() }
    }

    /// Adds the tests of a file.
    pub(super) fn add(&mut self, file: String, tests: Vec<TestReport>) {
        self.is_passed &= tests.iter().all(|it| it.differences.is_empty());
        self.files.push(TestedFile { file, tests });
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut n_passed, mut n_failed) = (0, 0);
        for TestedFile { file, tests } in &self.files {
            for TestReport { name, line, differences } in tests {
                if differences.is_empty() {
                    n_passed += 1;
                    continue;
                }
                n_failed += 1;
                writeln!(f, "{file}:{line}: `{name}` failed")?;
                differences.iter().try_for_each(|it| writeln!(f, "  {it}"))?;
            }
        }
        write!(f, "{n_passed} tests passed, {n_failed} failed")
    }
}
