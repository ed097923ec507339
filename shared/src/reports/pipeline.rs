//! The runs of one pipeline: verdicts, rows, and the rules that rows broke.

use std::collections::BTreeMap;

use super::compose::ComposeError;
use super::definition::ReportDefinition;
use super::document::{Chart, ChartKind, ChartSeries, Fact, Part, ReportDocument, Table};
use super::document::{shown_number, shown_whole};
use super::period::ReportPeriod;
use crate::error::PortError;
use crate::lake::{Cell, ColumnType};
use crate::ports::{PipelineJournal, PipelineRun, PipelineRunFilter, PipelineRunState, RunCounts};
use crate::time::Timestamp;

/// Runs that are read from the journal at once.
const PAGE: u32 = 100;

/// What is counted of the runs of one period.
#[derive(Clone, Copy, Default)]
struct Week {
    n_runs: u64,
    n_succeeded: u64,
    counts: RunCounts,
}

/// What is counted of one rule.
#[derive(Clone, Copy, Default)]
struct Broken {
    n_checked: u64,
    n_failed: u64,
}

/// What is gathered from the journal, a run at a time.
struct Gathered {
    periods: BTreeMap<i64, Week>,
    rules: BTreeMap<(String, &'static str), Broken>,
    runs: Table,
    states: BTreeMap<PipelineRunState, u64>,
}

/// Makes the report of the pipeline `name`.
///
/// # Errors
///
/// [`ComposeError`].
pub(super) async fn document(
    journal: &dyn PipelineJournal,
    definition: &ReportDefinition,
    name: &str,
    period: ReportPeriod,
    now: Timestamp,
) -> Result<ReportDocument, ComposeError> {
    let first = period.back(definition.look_back);
    let gathered = gather(journal, name, first, period).await?;
    let places: Vec<_> =
        (first.number..=period.number).map(|number| ReportPeriod { number, ..period }).collect();
    let labels: Vec<_> = places.iter().map(ToString::to_string).collect();
    let of =
        |place: &ReportPeriod| gathered.periods.get(&place.number).copied().unwrap_or_default();
    let series = |name: &str, value: fn(&Week) -> u64| ChartSeries {
        name: name.to_owned(),
        values: places.iter().map(|it| Some(float(value(&of(it))))).collect(),
    };
    let chart = |title: &str, kind, series| {
        Part::Chart(Chart { title: title.to_owned(), kind, labels: labels.clone(), series })
    };
    let parts = vec![
        chart(
            "Runs",
            ChartKind::Bar,
            vec![series("All", |it| it.n_runs), series("Succeeded", |it| it.n_succeeded)],
        ),
        chart(
            "Rows",
            ChartKind::Line,
            vec![
                series("Read", |it| it.counts.n_read),
                series("Written", |it| it.counts.n_out),
                series("Rejected", |it| it.counts.n_rejected),
            ],
        ),
        Part::Table(by_period(&places, of)),
        Part::Table(rules(&gathered.rules)),
        Part::Table(gathered.runs),
    ];
    Ok(ReportDocument {
        title: format!("{}: {name}", definition.title),
        subtitle: format!("{period}. {}", definition.about),
        facts: facts(&of(&period), &gathered.states),
        parts,
        notes: vec![
            "The journal keeps the newest 500 runs of a pipeline: what was before is not counted. Times \
             are UTC."
                .to_owned(),
        ],
        made_at: now,
    })
}

/// Reads the runs since `first`; those of `period` itself are told one by one.
async fn gather(
    journal: &dyn PipelineJournal,
    name: &str,
    first: ReportPeriod,
    period: ReportPeriod,
) -> Result<Gathered, PortError> {
    let mut gathered = Gathered {
        periods: BTreeMap::new(),
        rules: BTreeMap::new(),
        runs: runs_table(),
        states: BTreeMap::new(),
    };
    let mut before = None;
    loop {
        let pipeline = Some(name.to_owned());
        let filter = PipelineRunFilter { pipeline, state: None, before, limit: PAGE };
        let page = journal.pipeline_runs(&filter).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        before = page.last().map(|it| (it.requested_at, it.id.clone()));
        for run in page {
            if run.requested_at < first.begins_at() {
                return Ok(gathered);
            }
            if run.requested_at < period.ends_at() {
                gathered.take(journal, run, period).await?;
            }
        }
        if is_last {
            return Ok(gathered);
        }
    }
}

impl Gathered {
    async fn take(
        &mut self,
        journal: &dyn PipelineJournal,
        run: PipelineRun,
        period: ReportPeriod,
    ) -> Result<(), PortError> {
        let mut counts = RunCounts::default();
        for tally in journal.tally_partitions(&run.id).await? {
            counts += tally.counts;
        }
        let number = ReportPeriod::at(period.grain, run.requested_at).number;
        let week = self.periods.entry(number).or_default();
        week.n_runs += 1;
        week.n_succeeded += u64::from(run.state == PipelineRunState::Succeeded);
        week.counts += counts;
        if number != period.number {
            return Ok(());
        }
        *self.states.entry(run.state).or_default() += 1;
        for rule in journal.partitions(&run.id).await?.into_iter().flat_map(|it| it.rules) {
            let broken = self.rules.entry((rule.rule, rule.action.as_str())).or_default();
            broken.n_checked += rule.n_checked;
            broken.n_failed += rule.n_failed;
        }
        self.runs.add(run_row(&run, counts));
        Ok(())
    }
}

fn runs_table() -> Table {
    Table::new(
        "runs",
        "Runs",
        &[
            ("requested_at", "Asked for", ColumnType::Instant),
            ("state", "Verdict", ColumnType::Text),
            ("n_read", "Read", ColumnType::Long),
            ("n_out", "Written", ColumnType::Long),
            ("n_rejected", "Rejected", ColumnType::Long),
            ("seconds", "Seconds", ColumnType::Float),
            ("message", "Reason", ColumnType::Text),
        ],
    )
}

fn run_row(run: &PipelineRun, counts: RunCounts) -> Vec<Cell> {
    let seconds = run.finished_at.zip(run.started_at).map(|(end, begin)| end.since(begin));
    vec![
        Cell::Instant(run.requested_at),
        Cell::Text(run.state.as_str().to_owned()),
        whole(counts.n_read),
        whole(counts.n_out),
        whole(counts.n_rejected),
        seconds.map_or(Cell::Null, |it| Cell::Float(it.as_secs_f64())),
        run.message.clone().map_or(Cell::Null, Cell::Text),
    ]
}

fn by_period(places: &[ReportPeriod], of: impl Fn(&ReportPeriod) -> Week) -> Table {
    let mut table = Table::new(
        "by_period",
        "By period",
        &[
            ("period", "Period", ColumnType::Text),
            ("n_runs", "Runs", ColumnType::Long),
            ("n_succeeded", "Succeeded", ColumnType::Long),
            ("n_read", "Read", ColumnType::Long),
            ("n_out", "Written", ColumnType::Long),
            ("n_rejected", "Rejected", ColumnType::Long),
        ],
    );
    for place in places {
        let Week { n_runs, n_succeeded, counts } = of(place);
        let mut row = vec![Cell::Text(place.to_string())];
        let figures = [n_runs, n_succeeded, counts.n_read, counts.n_out, counts.n_rejected];
        row.extend(figures.map(whole));
        table.add(row);
    }
    table
}

fn rules(found: &BTreeMap<(String, &'static str), Broken>) -> Table {
    let mut table = Table::new(
        "rules",
        "Rules in this period",
        &[
            ("rule", "Rule", ColumnType::Text),
            ("action", "Then", ColumnType::Text),
            ("n_checked", "Checked", ColumnType::Long),
            ("n_failed", "Broken by", ColumnType::Long),
        ],
    );
    let mut found: Vec<_> = found.iter().collect();
    found.sort_by(|(a, of_a), (b, of_b)| of_b.n_failed.cmp(&of_a.n_failed).then_with(|| a.cmp(b)));
    for ((rule, action), Broken { n_checked, n_failed }) in found {
        table.add(vec![
            Cell::Text(rule.clone()),
            Cell::Text((*action).to_owned()),
            whole(*n_checked),
            whole(*n_failed),
        ]);
    }
    table
}

fn facts(week: &Week, states: &BTreeMap<PipelineRunState, u64>) -> Vec<Fact> {
    let count = |it: u64| shown_whole(i64::try_from(it).unwrap_or(i64::MAX));
    let Week { n_runs, n_succeeded, counts } = *week;
    let verdicts: Vec<_> =
        states.iter().map(|(state, n)| format!("{} {}", count(*n), state.as_str())).collect();
    let share = (counts.n_read > 0).then(|| {
        format!("{}% of those read", shown_number(share(counts.n_rejected, counts.n_read)))
    });
    vec![
        Fact {
            detail: (!verdicts.is_empty()).then(|| verdicts.join(", ")),
            ..Fact::new("Runs", count(n_runs))
        },
        Fact::new("Succeeded", count(n_succeeded)),
        Fact::new("Rows read", count(counts.n_read)),
        Fact::new("Rows written", count(counts.n_out)),
        Fact { detail: share, ..Fact::new("Rows rejected", count(counts.n_rejected)) },
    ]
}

fn share(part: u64, of: u64) -> f64 {
    float(part) * 100.0 / float(of)
}

#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

fn whole(count: u64) -> Cell {
    i64::try_from(count).map_or(Cell::Null, Cell::Int)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::Grain;
    use crate::etl::{Action, RuleReport};
    use crate::ports::pipeline_journal_contract::sample_pipeline_run;
    use crate::ports::{MemoryPipelineJournal, PartitionRun};
    use crate::reports::built_in_reports;

    async fn journal() -> MemoryPipelineJournal {
        let journal = MemoryPipelineJournal::default();
        for (number, day, state) in [
            (1, "2026-11-10", PipelineRunState::Succeeded),
            (2, "2026-11-23", PipelineRunState::Refused),
            (3, "2026-11-24", PipelineRunState::Succeeded),
            (4, "2026-11-30", PipelineRunState::Succeeded),
        ] {
            let requested_at = Timestamp::parse(&format!("{day}T03:00:00Z")).unwrap();
            let run = PipelineRun { requested_at, ..sample_pipeline_run(number) };
            journal.open_run(&run, None, 100).await.unwrap();
            let ended = PipelineRun { state, n_partitions: Some(1), ..run.clone() };
            assert!(journal.put_run(&ended, 1, &[String::new()]).await.unwrap());
            let rule = RuleReport {
                rule: "has_court".to_owned(),
                action: Action::Drop,
                n_checked: 100,
                n_failed: 3,
                found: None,
            };
            let partition = PartitionRun {
                state,
                counts: RunCounts { n_read: 100, n_rejected: 3, n_out: 97, n_filtered: 0 },
                rules: vec![rule],
                ..PartitionRun::queued(run.id, 1, String::new())
            };
            assert!(journal.put_partition(&partition, 1).await.unwrap());
        }
        journal
    }

    #[tokio::test]
    async fn runs_of_the_period_are_told_and_those_before_it_counted() {
        let reports = built_in_reports().unwrap();
        let definition = reports.iter().find(|it| it.name == "pipeline-weekly").unwrap();
        let now = Timestamp::parse("2026-12-01T06:00:00Z").unwrap();
        let period = ReportPeriod::last_over(Grain::Week, now);
        assert_eq!(period.to_string(), "2026-W48");

        let made =
            document(&journal().await, definition, "clean-cases", period, now).await.unwrap();

        assert!(made.title.ends_with(": clean-cases"), "{}", made.title);
        assert_eq!((made.facts[0].value.as_str(), made.facts[2].value.as_str()), ("2", "200"));
        assert_eq!(made.facts[0].detail.as_deref(), Some("1 succeeded, 1 refused"));
        assert_eq!(made.facts[4].detail.as_deref(), Some("3% of those read"));
        let table = |name: &str| made.tables().find(|it| it.name == name).unwrap().rows.clone();
        assert_eq!(table("runs").len(), 2);
        assert_eq!(
            table("rules"),
            [vec![
                Cell::Text("has_court".into()),
                Cell::Text("drop".into()),
                Cell::Int(200),
                Cell::Int(6),
            ]]
        );
        let weeks = table("by_period");
        assert_eq!((weeks.len(), &weeks[5][1], &weeks[7][1]), (8, &Cell::Int(1), &Cell::Int(2)));
    }
}
