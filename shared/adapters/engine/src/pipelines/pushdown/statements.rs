//! All statements of a pipeline.

use shared::etl::pushdown::{PushedDown, PushedStatement, StatementUse};
use shared::etl::{Faults, Located, Pipeline, PipelineFault, Sink, Step};
use shared::time::Timestamp;

use super::sql::{name, table};
use super::steps::Walk;
use super::tables::Tables;
use crate::pipelines::compiled::compile;
use crate::pipelines::language::Language;

/// How names of columns begin that no pipeline has.
const OWN: &str = "__mb_";

/// Compiles `pipeline`, which goes from tables into a table, for a run that begins at `now`.
///
/// # Errors
///
/// Every fault, and every step that is not the same there.
pub(in crate::pipelines) fn push_down(
    pipeline: &Pipeline,
    now: Option<Timestamp>,
) -> Result<PushedDown, Vec<PipelineFault>> {
    let language = Language::new(now.unwrap_or(Timestamp::EPOCH));
    let compiled = compile(pipeline, &language)?;
    let mut faults = Faults::of(&pipeline.file);
    let sink = pipeline.sink.part.at.table();
    let Some(sink) = sink.filter(|_| pipeline.is_in_warehouse()) else {
        let text = "is no table of Snowflake: write `at: snowflake:DATABASE.SCHEMA.TABLE`, or say \
                    which by `--source` and `--target`";
        faults.add(pipeline.source.line, &pipeline.source.path, text);
        return Err(faults.into_list());
    };
    if let Some(place) = &pipeline.baseline {
        faults.add(0, "baseline", format!("`{place}`: figures are not kept there: remove it"));
    }
    let plan = &compiled.plan;
    let columns = plan.steps.iter().flat_map(|it| &it.columns).chain(&plan.source_columns);
    if let Some(it) = columns.into_iter().find(|it| it.name.starts_with(OWN)) {
        let text = format!("`{}`: names that begin so are the compiler's: take another", it.name);
        faults.add(0, "", text);
    }
    let mut walk = Walk::new(pipeline, &language, now, Tables::new(sink));
    if let Err(text) = walk.source(pipeline) {
        faults.add(pipeline.source.line, &pipeline.source.path, text);
    }
    for (step, planned) in pipeline.steps.iter().zip(&compiled.plan.steps) {
        refuse(&mut walk, step, &planned.columns, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(statements(pipeline, &walk)),
        false => Err(faults.into_list()),
    }
}

/// Goes on with a step; after one that is refused the next ones are looked at all the same.
fn refuse(
    walk: &mut Walk<'_>,
    step: &Located<Step>,
    behind: &[shared::etl::PlannedColumn],
    faults: &mut Faults<'_>,
) {
    let Located { line, path, part } = step;
    let done = match part {
        Step::Check(rules) => {
            for it in walk.check(rules).err().into_iter().flatten() {
                let text = format!("rule `{}`: {}", it.rule.part.name, it.text);
                faults.add(it.rule.line, &it.rule.path, text);
            }
            Ok(())
        }
        Step::Aggregate(it) => walk.aggregate(it, behind),
        Step::Sort(_) => Err("a table has no order: leave the step out".to_owned()),
        Step::Deduplicate(_) => {
            Err("which row comes first hangs on the order of lines, and a table has none"
                .to_owned())
        }
        Step::History(_) => Err("versions are made from files alone".to_owned()),
        other => walk.step(other, behind).map(drop),
    };
    if let Err(text) = done {
        faults.add(*line, path, format!("is not the same in Snowflake: {text}"));
        // What stands behind is translated as if it were there.
        walk.columns = behind.to_vec();
    }
}

fn statements(pipeline: &Pipeline, walk: &Walk<'_>) -> PushedDown {
    let parts = walk.parts.iter().map(|(part, query)| format!("{part} AS ({query})"));
    let with = format!("WITH {}", parts.collect::<Vec<_>>().join(",\n  "));
    let columns: Vec<String> = walk.columns.iter().map(|it| name(&it.name)).collect();
    let columns = columns.join(", ");
    let made = walk.tables.beside("NEW");
    let rows = format!(
        "CREATE OR REPLACE TRANSIENT TABLE {made} AS\n{with}\nSELECT {columns} FROM {}",
        walk.last()
    );
    let out = format!(
        "SELECT 'out' AS \"what\", {} AS \"stretch\", '' AS \"rule\", COUNT(*) AS \"n_checked\", 0 AS \
         \"n_failed\" FROM {made}",
        walk.stretch
    );
    let counts = std::iter::once(out).chain(walk.counts.iter().cloned()).collect::<Vec<_>>();
    let counts = format!("{with}\n{}", counts.join("\nUNION ALL "));
    let none = "SELECT '' AS \"key\", '' AS \"rule\", '' AS \"column\", '' AS \"value\", '' AS \
                \"reason\", '' AS \"action\" WHERE FALSE";
    let rejects = std::iter::once(none.to_owned()).chain(walk.rejects.iter().cloned());
    let rejects = rejects.collect::<Vec<_>>().join("\nUNION ALL ");
    let listed = "\"key\", \"rule\", \"column\", \"value\", \"reason\", \"action\"";
    let rejects = format!("{with}\nSELECT {listed} FROM (\n{rejects}\n)");
    let mut all = vec![(StatementUse::Types, walk.tables.types())];
    all.extend(walk.tables.snapshots().into_iter().map(|it| (StatementUse::Snapshot, it)));
    all.push((StatementUse::Rows, rows));
    all.push((StatementUse::Counts, counts));
    if let Some(quarantine) = pipeline.quarantine.as_ref().and_then(|it: &Sink| it.at.table()) {
        let kept = format!(
            "CREATE OR REPLACE TABLE {} AS\n{rejects} WHERE \"action\" IN ('quarantine', 'stop')",
            table(&quarantine)
        );
        all.push((StatementUse::Quarantine, kept));
    }
    if let Some(sink) = pipeline.sink.part.at.table() {
        let publish =
            format!("CREATE OR REPLACE TABLE {} AS SELECT {columns} FROM {made}", table(&sink));
        all.push((StatementUse::Publish, publish));
    }
    let gone = walk.tables.names().into_iter().chain([made]);
    all.extend(gone.map(|it| (StatementUse::Clean, format!("DROP TABLE IF EXISTS {it}"))));
    let statements = all.into_iter().map(|(used, sql)| PushedStatement { used, sql }).collect();
    let notes = walk.notes.iter().cloned().collect();
    PushedDown { pipeline: pipeline.name.clone(), notes, statements, rejects }
}
