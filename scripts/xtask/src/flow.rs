//! The functions and what each reads and writes: from their manifests to Terraform and the docs.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::workspace::{self, ChoreError};

const FUNCTIONS_JSON: &str = "terraform/functions.json";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const TABLE_BEGIN: &str = "<!-- flow: begin (written by `cargo xtask flow`) -->";
const TABLE_END: &str = "<!-- flow: end -->";

/// `[package.metadata.moodbridge]` of one function.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    /// `http`, `queue:NAME` or `schedule:rate(…)`.
    trigger: String,
    /// `rate(…)`, when the clock starts it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    #[serde(default)]
    routes: Vec<String>,
    reads: Vec<String>,
    writes: Vec<String>,
    memory_mb: u32,
    timeout_s: u32,
}

fn functions() -> Result<Vec<Function>, ChoreError> {
    let mut functions = Vec::new();
    for package in workspace::read()?.packages {
        let is_function = package
            .manifest_path
            .parent()
            .and_then(Path::parent)
            .is_some_and(|folder| folder.ends_with("functions"));
        if !is_function {
            continue;
        }
        let tried = format!("read [package.metadata.moodbridge] of `{}`", package.name);
        let metadata = package
            .metadata
            .and_then(|mut it| it.get_mut("moodbridge").map(serde_json::Value::take))
            .ok_or_else(|| ChoreError::new(&tried, "it is missing"))?;
        let mut function: Function =
            serde_json::from_value(metadata).map_err(|error| ChoreError::new(&tried, error))?;
        check_trigger(&function).map_err(|error| ChoreError::new(&tried, error))?;
        function.name = package.name;
        function.description = package.description.unwrap_or_default();
        functions.push(function);
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(functions)
}

fn check_trigger(function: &Function) -> Result<(), &'static str> {
    let trigger = function.trigger.as_str();
    let by_clock = function.schedule.as_deref();
    if by_clock.is_some_and(|it| !trigger.starts_with("queue:") || !it.starts_with("rate(")) {
        return Err("`schedule` stands beside a queue trigger, as `rate(…)`");
    }
    if trigger == "http" {
        return if function.routes.is_empty() {
            Err("an http trigger needs routes")
        } else {
            Ok(())
        };
    }
    if trigger.starts_with("schedule:rate(") {
        return Ok(());
    }
    match trigger.strip_prefix("queue:") {
        Some(_) if function.reads.iter().any(|it| it == trigger) => Ok(()),
        Some(_) => Err("a queue trigger must stand under `reads` too"),
        None => Err("the trigger is `http`, `queue:NAME` or `schedule:rate(…)`"),
    }
}

fn json(functions: &[Function]) -> Result<String, ChoreError> {
    let document = serde_json::json!({
        "//": "Written by `cargo xtask flow` from [package.metadata.moodbridge] of each function.",
        "functions": functions,
    });
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| ChoreError::new("write functions.json", error))?;
    text.push('\n');
    Ok(text)
}

fn table(functions: &[Function]) -> String {
    let mut table = String::from(
        "| function | starts by | reads | writes | memory | timeout |\n|---|---|---|---|---|---|\n",
    );
    for function in functions {
        let trigger = match function.routes.as_slice() {
            [] => match &function.schedule {
                Some(schedule) => format!("`{}`<br>`schedule:{schedule}`", function.trigger),
                None => format!("`{}`", function.trigger),
            },
            routes => routes.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join("<br>"),
        };
        let list = |items: &[String]| {
            if items.is_empty() { "–".to_owned() } else { items.join(", ") }
        };
        let _ = writeln!(
            table,
            "| `{}` | {trigger} | {} | {} | {} MB | {} s |",
            function.name,
            list(&function.reads),
            list(&function.writes),
            function.memory_mb,
            function.timeout_s
        );
    }
    table
}

/// Puts the table into the document between its marks.
fn with_table(document: &str, table: &str) -> Result<String, ChoreError> {
    let missing = || ChoreError::new(ARCHITECTURE, "the marks of the flow table are missing");
    let (before, rest) = document.split_once(TABLE_BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(TABLE_END).ok_or_else(missing)?;
    Ok(format!("{before}{TABLE_BEGIN}\n\n{table}\n{TABLE_END}{after}"))
}

fn wanted() -> Result<[(&'static str, String); 2], ChoreError> {
    let functions = functions()?;
    let document = workspace::read_text(Path::new(ARCHITECTURE))?;
    let document = with_table(&document, &table(&functions))?;
    Ok([(FUNCTIONS_JSON, json(&functions)?), (ARCHITECTURE, document)])
}

/// Writes `terraform/functions.json` and the table in `docs/ARCHITECTURE.md`.
pub(crate) fn write() -> Result<(), ChoreError> {
    for (path, text) in wanted()? {
        let target = workspace::root().join(path);
        let folder = target.parent().unwrap_or(&target).to_path_buf();
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(target, text))
            .map_err(|error| ChoreError::new(&format!("write `{path}`"), error))?;
    }
    Ok(())
}

/// Lists the generated files that are stale.
pub(crate) fn faults() -> Result<Vec<String>, ChoreError> {
    let stale = |(path, text): &(&str, String)| {
        workspace::read_text(Path::new(path)).ok().as_ref() != Some(text)
    };
    Ok(wanted()?
        .iter()
        .filter(|it| stale(it))
        .map(|(path, _)| format!("{path} is stale: run `cargo xtask flow`"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_are_current() {
        let faults = faults().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn queue_trigger_that_is_not_read_is_a_fault() {
        let function: Function = serde_json::from_value(serde_json::json!({
            "trigger": "queue:events", "reads": [], "writes": [], "memory_mb": 1, "timeout_s": 1,
        }))
        .unwrap();
        assert!(check_trigger(&function).is_err());
    }
}
