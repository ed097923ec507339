//! `moodbridge lake query` and `lake queries`: questions to the lake, and what is asked often.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use shared::auth::Sight;
use shared::etl::ColumnKind;
use shared::ports::{Query, QueryEngine};
use shared::queries::{
    Answer, NamedQuery, QueryError, QueryValue, bind, built_in_queries, find_query, read_queries,
    read_value,
};

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// The longest file of queries that is read, in bytes.
const MAX_BYTES: u64 = 1_048_576;

/// What to ask.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The name of a query; `moodbridge lake queries` lists them.
    #[arg(value_name = "NAME", required_unless_present = "sql", conflicts_with = "sql")]
    name: Option<String>,
    /// Asks a statement of your own: one SELECT over the tables of the lake.
    #[arg(long, value_name = "TEXT")]
    sql: Option<String>,
    /// Gives a parameter, such as `days=30`. Those of a statement of your own are text, or as
    /// `since:date=2026-01-31` says.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Answers with so many rows at most.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Reads the queries of this file instead of those of the build.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// Lines for spreadsheets.
    Csv,
    /// One JSON document.
    Json,
}

/// Which queries to list or check.
#[derive(Debug, Args)]
pub(crate) struct QueriesArgs {
    /// Works out every name and type, and reads nothing. Exit code 3 when one is wrong.
    #[arg(long)]
    check: bool,
    /// Reads the queries of this file instead of those of the build.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

fn queries_of(file: Option<&Path>) -> Result<Result<Vec<NamedQuery>, Vec<String>>, CommandError> {
    let told = |faults: Vec<shared::queries::QueryFault>| {
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let Some(path) = file else { return Ok(built_in_queries().map_err(told)) };
    let failed =
        |error| CommandError::failed(format!("read the queries `{}`", path.display()), error);
    let n_bytes = std::fs::metadata(path).map_err(failed)?.len();
    if n_bytes > MAX_BYTES {
        let fault = std::io::Error::other(format!("it is longer than {MAX_BYTES} bytes"));
        return Err(failed(fault));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(read_queries(&text).map_err(told))
}

/// Faults of queries, and how many there are.
#[derive(Serialize)]
struct Checked {
    n_queries: usize,
    faults: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [] => write!(f, "{} queries are good", self.n_queries),
            faults => f.write_str(&faults.join("\n")),
        }
    }
}

/// Queries with what they tell.
#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<NamedQuery>);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, query) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            write!(f, "{gap}{}\n    {}", query.name, query.about)?;
            for parameter in &query.parameters {
                let default = parameter.default.as_deref();
                let default = default.map_or(String::new(), |it| format!(", {it} by default"));
                let (name, kind, about) = (&parameter.name, parameter.kind, &parameter.about);
                write!(f, "\n    {name} ({kind}{default}): {about}")?;
            }
        }
        Ok(())
    }
}

/// Lists or checks queries.
pub(super) async fn list(
    args: &QueriesArgs,
    parts: &Parts,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let queries = match queries_of(args.file.as_deref())? {
        Ok(queries) => queries,
        Err(faults) => return answer(output, &Checked { n_queries: 0, faults }, FOUND_WRONG),
    };
    if !args.check {
        return answer(output, &Listed(queries), SUCCESS);
    }
    let engine = parts.query_engine(settings, &parts.mappings(settings)?).await?;
    let faults = faults_of(&queries, &*engine).await;
    let code = if faults.is_empty() { SUCCESS } else { FOUND_WRONG };
    answer(output, &Checked { n_queries: queries.len(), faults }, code)
}

async fn faults_of(queries: &[NamedQuery], engine: &dyn QueryEngine) -> Vec<String> {
    let mut faults = Vec::new();
    for query in queries {
        let fault = match engine.check(query).await {
            Ok(found) => query.unlike(&found),
            Err(error) => Some(shared::chain(&error).to_string()),
        };
        faults.extend(fault.map(|it| format!("query `{}`: {it}", query.name)));
    }
    faults
}

fn answer<T: fmt::Display + Serialize>(
    output: Output,
    answer: &T,
    code: u8,
) -> Result<ExitCode, CommandError> {
    output.answer(answer).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

/// Asks, and prints the answer.
pub(super) async fn ask(
    args: &QueryArgs,
    parts: &Parts,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let query = question(args, parts)?;
    let limits = settings.query_limits(args.limit);
    let cache = parts.queries(settings, &parts.mappings(settings)?).await?;
    let found = cache.answer(&query, &Sight::Everything, limits).await.map_err(unanswered)?;
    let format = if output == Output::Json { Format::Json } else { args.format };
    let text = match format {
        Format::Table => table(&found.answer),
        Format::Csv => csv(&found.answer),
        Format::Json => json(&found.answer)?,
    };
    let printed = std::io::stdout().lock().write_all(text.as_bytes());
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    if found.answer.is_cut {
        tell(&format!("these are not all: `--limit` says {}", args.limit));
    }
    Ok(SUCCESS.into())
}

/// Says something beside the answer.
fn tell(text: &str) {
    // A closed standard error is no reason to fail.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn unanswered(error: QueryError) -> CommandError {
    CommandError::failed("answer", error)
}

fn question(args: &QueryArgs, parts: &Parts) -> Result<Query, CommandError> {
    let wrong = |text: String| unanswered(QueryError::Invalid(text));
    let mut given = BTreeMap::new();
    for one in &args.params {
        let Some((name, value)) = one.split_once('=') else {
            return Err(wrong(format!("`--param {one}` has no `=`: write such as `days=30`")));
        };
        given.insert(name.to_owned(), value.to_owned());
    }
    let Some(name) = &args.name else {
        let sql = args.sql.clone().unwrap_or_default();
        let parameters = given.iter().map(|(name, value)| typed(name, value));
        return Ok(Query { sql, parameters: parameters.collect::<Result<_, _>>().map_err(wrong)? });
    };
    let queries = queries_of(args.file.as_deref())?;
    let queries = queries.map_err(|faults| wrong(faults.join("; ")))?;
    let query = find_query(&queries, name).map_err(unanswered)?;
    let bound = bind(&query.parameters, &given, parts.clock.now());
    let parameters = bound.map_err(|faults| unanswered(QueryError::Parameters(faults)))?;
    Ok(Query { sql: query.sql.clone(), parameters })
}

/// Reads a parameter of a statement of one's own, such as `since:date=2026-01-31`.
fn typed(name: &str, value: &str) -> Result<(String, QueryValue), String> {
    let (name, kind) = name.split_once(':').unwrap_or((name, "text"));
    let known = ColumnKind::parse(kind);
    let known = known.ok_or_else(|| format!("`{kind}` is no type: write {}", ColumnKind::FORMS))?;
    let read = read_value(known, value);
    let read = read.ok_or_else(|| format!("parameter `{name}`: `{value}` is no {known}"))?;
    Ok((name.to_owned(), read))
}

/// Lays an answer out for people: numbers to the right, all else to the left.
fn table(answer: &Answer) -> String {
    let shown = |it: &QueryValue| match it {
        QueryValue::Float(it) => format!("{it:.2}"),
        other => other.to_string().replace(['\n', '\r', '\t'], " "),
    };
    let rows: Vec<Vec<String>> =
        answer.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let widths: Vec<usize> = (answer.columns.iter().enumerate())
        .map(|(place, column)| {
            let cells = rows.iter().filter_map(|row| row.get(place));
            let widest = cells.map(|it| it.chars().count()).max().unwrap_or(0);
            widest.max(column.name.chars().count())
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).zip(&answer.columns).map(|((cell, width), column)| {
            if column.kind.is_number() {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&mut answer.columns.iter().map(|it| it.name.as_str()));
    let rules: Vec<String> = widths.iter().map(|it| "-".repeat(*it)).collect();
    text.push_str(&line(&mut rules.iter().map(String::as_str)));
    for row in &rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Writes an answer as CSV (RFC 4180).
fn csv(answer: &Answer) -> String {
    let cell = |it: &str| {
        if it.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", it.replace('"', "\"\""))
        } else {
            it.to_owned()
        }
    };
    let names = answer.columns.iter().map(|it| cell(&it.name)).collect::<Vec<_>>().join(",");
    let mut text = format!("{names}\r\n");
    for row in &answer.rows {
        let cells: Vec<String> = row.iter().map(|it| cell(&it.to_string())).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

#[derive(Serialize)]
struct Document<'a, R: Serialize> {
    columns: &'a [shared::queries::QueryColumn],
    rows: Vec<R>,
    is_cut: bool,
    figures: shared::queries::QueryFigures,
}

fn json(answer: &Answer) -> Result<String, CommandError> {
    let Answer { columns, is_cut, figures, .. } = answer;
    let document =
        Document { columns, rows: answer.objects().collect(), is_cut: *is_cut, figures: *figures };
    let text = serde_json::to_string_pretty(&document);
    let text = text.map_err(|error| CommandError::failed("write the answer as JSON", error))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use shared::queries::{QueryColumn, QueryFigures};

    use super::*;

    fn sample() -> Answer {
        let column = |name: &str, kind| QueryColumn { name: name.to_owned(), kind };
        let text = |it: &str| QueryValue::Text(it.to_owned());
        Answer {
            columns: vec![column("court", ColumnKind::Text), column("n", ColumnKind::Long)],
            rows: vec![
                vec![text("Cook, \"North\"\nHall"), QueryValue::Long(7)],
                vec![QueryValue::Null, QueryValue::Long(1234)],
            ],
            is_cut: false,
            figures: QueryFigures::default(),
            tag: String::new(),
        }
    }

    #[test]
    fn answer_is_written_in_each_form() {
        let answer = sample();
        let lines = [
            "court                  n",
            "------------------  ----",
            "Cook, \"North\" Hall     7",
            "                    1234",
        ];
        assert_eq!(table(&answer), lines.join("\n") + "\n");
        assert_eq!(csv(&answer), "court,n\r\n\"Cook, \"\"North\"\"\nHall\",7\r\n,1234\r\n");
        let json: serde_json::Value = serde_json::from_str(&json(&answer).unwrap()).unwrap();
        assert_eq!(json["rows"][1], serde_json::json!({"court": null, "n": 1234}));
        assert_eq!(json["columns"][1]["type"], "long");
    }

    #[test]
    fn parameter_of_a_statement_has_the_type_that_is_written() {
        assert_eq!(typed("a", "5"), Ok(("a".to_owned(), QueryValue::Text("5".to_owned()))));
        assert_eq!(typed("a:long", "5"), Ok(("a".to_owned(), QueryValue::Long(5))));
        assert!(typed("a:day", "5").unwrap_err().contains("`day` is no type: write `text`"));
        assert!(typed("a:date", "5").unwrap_err().contains("parameter `a`: `5` is no date"));
    }
}
