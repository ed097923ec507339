//! `moodbridge pipelines compile`: a pipeline as statements of a warehouse.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use shared::etl::pushdown::PushedDown;
use shared::etl::{FileForm, Pipeline, PipelineFault, Place, Sink, WriteMode};
use shared::ports::PipelineEngine;
use shared::time::Timestamp;

/// How to compile a pipeline.
#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The file of the pipeline, in YAML.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// For which warehouse.
    #[arg(long, value_enum)]
    to: Warehouse,
    /// The table that is read in place of the source.
    #[arg(long, value_name = "DATABASE.SCHEMA.TABLE")]
    source: Option<String>,
    /// The table that is written in place of the sink.
    #[arg(long, value_name = "DATABASE.SCHEMA.TABLE")]
    target: Option<String>,
    /// The table that is written in place of the quarantine.
    #[arg(long, value_name = "DATABASE.SCHEMA.TABLE")]
    quarantine: Option<String>,
    /// The instant that `now()` stands for, such as `2026-01-31T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    now: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Warehouse {
    Snowflake,
}

/// The statements.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Compiled(PushedDown);

impl fmt::Display for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Compiles `pipeline`, over the tables that `args` name.
///
/// # Errors
///
/// Every fault, and every step that is not the same there.
pub(super) fn compile(
    args: &CompileArgs,
    pipeline: Pipeline,
    engine: &dyn PipelineEngine,
) -> Result<Compiled, Vec<PipelineFault>> {
    let Warehouse::Snowflake = args.to;
    engine.push_down(&moved(args, pipeline)?, args.now).map(Compiled)
}

/// Puts tables in place of files.
fn moved(args: &CompileArgs, mut pipeline: Pipeline) -> Result<Pipeline, Vec<PipelineFault>> {
    let fault = |path: &str, text: String| {
        let (file, path) = (pipeline.file.clone(), path.to_owned());
        vec![PipelineFault { file, line: 0, path, text }]
    };
    let place = |option: &str, name: &String| {
        Place::parse(&format!("snowflake:{name}")).map_err(|text| fault(option, text))
    };
    if let Some(name) = &args.source {
        let source = &pipeline.source.part;
        if let Some(word) = source.form.null_words().first() {
            let text = format!(
                "`{word}` is no value in the file, and a word in a table: leave `null_words` out, and \
                 write `nullif`"
            );
            return Err(fault("source.null_words", text));
        }
        let at = place("--source", name)?;
        pipeline.source.part.at = at;
        pipeline.source.part.form = FileForm::Table;
    }
    let sink = |option: &str, name: &String| {
        Ok::<_, Vec<PipelineFault>>(Sink::new(place(option, name)?, FileForm::Table))
    };
    let target = args.target.as_ref().map(|it| sink("--target", it)).transpose()?;
    let quarantine = args.quarantine.as_ref().map(|it| sink("--quarantine", it)).transpose()?;
    if let Some(target) = target {
        let write = &pipeline.sink.part.write;
        if *write != WriteMode::Replace {
            let text = format!(
                "is `{}`, and a table of Snowflake is replaced by each run: leave `--target` out and run it \
                 here, or write `write: replace`",
                write.as_str()
            );
            return Err(fault("sink.write", text));
        }
        pipeline.sink.part = target;
    }
    pipeline.quarantine = quarantine.or(pipeline.quarantine);
    Ok(pipeline)
}

#[cfg(test)]
mod tests {
    use shared::etl::read_pipeline;

    use super::*;

    const TEXT: &str = "pipeline: p\nsource: {at: file:in/a.csv, null_words: [n/a], columns: [{name: ID}]}\n\
                        sink: {at: file:out/a.parquet}\nquarantine: {at: file:out/r.csv}\n";

    fn compiled(text: &str, source: &str) -> Result<String, String> {
        let args = CompileArgs {
            file: PathBuf::new(),
            to: Warehouse::Snowflake,
            source: Some(source.to_owned()),
            target: Some("LEGAL.PUBLIC.OUT".to_owned()),
            quarantine: Some("LEGAL.PUBLIC.REJECTS".to_owned()),
            now: None,
        };
        let pipeline = read_pipeline("p.yaml", text).unwrap();
        let compiled =
            compile(&args, pipeline, &*wiring::pipelines(wiring::PipelinePorts::default()));
        compiled.map(|it| it.to_string()).map_err(|it| it[0].to_string())
    }

    #[test]
    fn rows_that_were_to_stay_are_not_replaced_elsewhere() {
        let sink = "at: 'postgres:reporting/public.cases', write: append";
        let text = TEXT.replace("at: file:out/a.parquet", sink).replace("null_words: [n/a], ", "");
        let fault = compiled(&text, "LEGAL.PUBLIC.IN").unwrap_err();
        assert!(fault.contains("sink.write: is `append`"), "{fault}");
    }

    #[test]
    fn tables_take_the_place_of_files() {
        let text = TEXT.replace(", null_words: [n/a]", "");
        let sql = compiled(&text, "LEGAL.PUBLIC.CASES").unwrap();
        for part in [
            "FROM \"LEGAL\".\"PUBLIC\".\"CASES\"",
            "CREATE OR REPLACE TABLE \"LEGAL\".\"PUBLIC\".\"REJECTS\"",
            "CREATE OR REPLACE TABLE \"LEGAL\".\"PUBLIC\".\"OUT\" AS SELECT \"ID\"",
            "-- only when the gate is open",
        ] {
            assert!(sql.contains(part), "{part} is not in\n{sql}");
        }
        let error = compiled(&text, "CASES").unwrap_err();
        assert!(error.contains("--source: `CASES` names no table"), "{error}");
        let error = compiled(TEXT, "LEGAL.PUBLIC.CASES").unwrap_err();
        assert!(error.contains("source.null_words: `n/a` is no value in the file"), "{error}");
    }
}
