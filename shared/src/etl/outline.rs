//! What can be told of a pipeline without knowing expressions: its steps, and from which columns others
//! are made by the names that stand in them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::kind::ColumnKind;
use super::lineage::Lineage;
use super::pipeline::Pipeline;
use super::sets::{Aggregate, Deduplicate, History, Join, JoinKind, OrderBy};
use super::step::Step;

/// A step as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutlinedStep {
    /// Where it stands, such as `steps.2`.
    pub path: String,
    /// Its line in the file, from 1.
    pub line: u64,
    /// Which step it is, such as `filter`.
    pub step: String,
    /// What it does.
    pub does: String,
}

/// A column of the sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutlinedColumn {
    /// Its name.
    pub column: String,
    /// The columns of the source that it is made of.
    pub from: BTreeSet<String>,
    /// The steps that made or changed it, in order.
    pub by: Vec<String>,
}

/// A pipeline, told without knowing expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The steps.
    pub steps: Vec<OutlinedStep>,
    /// The columns of the sink, in order.
    pub columns: Vec<OutlinedColumn>,
    /// The columns of the source that decide which rows are there.
    pub filtered_by: BTreeSet<String>,
}

impl Pipeline {
    /// Tells what can be told without knowing expressions. A column whose name stands in an expression
    /// counts as used by it.
    pub fn outline(&self) -> Outline {
        let source = self.source.part.columns.iter().map(|it| it.name.clone());
        let mut columns: Vec<String> = source.collect();
        let mut lineage = Lineage::of_source(columns.iter().map(String::as_str));
        let mut steps = Vec::with_capacity(self.steps.len());
        for located in &self.steps {
            let path = located.path.clone();
            let does = follow(&located.part, &path, &mut columns, &mut lineage);
            let step = located.part.as_str().to_owned();
            steps.push(OutlinedStep { path, line: located.line, step, does });
        }
        let columns = columns.iter().map(|name| {
            // What it holds is not told here.
            let found = lineage.of(name, ColumnKind::Text);
            OutlinedColumn { column: found.column, from: found.from, by: found.by }
        });
        Outline { steps, columns: columns.collect(), filtered_by: lineage.filtered_by }
    }
}

fn follow(step: &Step, path: &str, columns: &mut Vec<String>, lineage: &mut Lineage) -> String {
    match step {
        Step::Filter(expression) => {
            lineage.filter(&mentioned(expression, columns));
            format!("keeps rows with {expression}")
        }
        Step::Derive { column, expression } => {
            lineage.derive(column, &mentioned(expression, columns), path);
            if !columns.contains(column) {
                columns.push(column.clone());
            }
            format!("{column} = {expression}")
        }
        Step::Convert { column, kind, .. } => {
            lineage.derive(column, &BTreeSet::from([column.clone()]), path);
            format!("{column} becomes {kind}")
        }
        Step::Rename { from, to } => {
            lineage.rename(from, to, path);
            if let Some(found) = columns.iter_mut().find(|it| *it == from) {
                found.clone_from(to);
            }
            format!("{from} is called {to}")
        }
        Step::Select(names) => {
            columns.clone_from(names);
            format!("keeps {}", names.join(", "))
        }
        Step::Drop(names) => {
            columns.retain(|it| !names.contains(it));
            format!("leaves out {}", names.join(", "))
        }
        Step::Check(rules) => format!("checks {} rules", rules.len()),
        Step::Join(join) => follow_join(join, path, columns, lineage),
        Step::Aggregate(aggregate) => follow_aggregate(aggregate, path, columns, lineage),
        Step::Deduplicate(Deduplicate { by, keep, order }) => {
            lineage.filter(&by.iter().chain(order.iter().map(|it| &it.column)).cloned().collect());
            format!("keeps the {} row of each {}", keep.as_str(), by.join(", "))
        }
        Step::Sort(order) => format!("orders rows by {}", in_words(order)),
        Step::History(history) => follow_history(history, path, columns, lineage),
    }
}

fn in_words(order: &[OrderBy]) -> String {
    let word = |it: &OrderBy| match it.is_descending {
        true => format!("{}, great values first", it.column),
        false => it.column.clone(),
    };
    order.iter().map(word).collect::<Vec<_>>().join("; ")
}

fn follow_join(
    join: &Join,
    path: &str,
    columns: &mut Vec<String>,
    lineage: &mut Lineage,
) -> String {
    let from = |name: &str| format!("{}#{name}", join.with.at);
    if join.kind != JoinKind::Left || !join.is_lookup {
        lineage.filter(&join.on.iter().map(|it| it.0.clone()).collect());
        lineage.filtered_by.extend(join.on.iter().map(|it| from(&it.1)));
    }
    for (theirs, name) in join.taken() {
        lineage.bring(&name, from(&theirs), path);
        for (_, key) in &join.on {
            lineage.add_source(&name, from(key), path);
        }
        columns.push(name);
    }
    let on: Vec<String> =
        join.on.iter().map(|(ours, theirs)| format!("{ours} = {theirs}")).collect();
    format!("{} join with {} on {}", join.kind.as_str(), join.with.at, on.join(", "))
}

fn follow_aggregate(
    aggregate: &Aggregate,
    path: &str,
    columns: &mut Vec<String>,
    lineage: &mut Lineage,
) -> String {
    let Aggregate { by, make } = aggregate;
    let used = |(name, text): &(String, String)| (name.clone(), mentioned(text, columns));
    let made: Vec<_> = make.iter().map(used).collect();
    lineage.filter(&by.iter().cloned().collect());
    lineage.regroup(by, &made, path);
    *columns = by.iter().chain(make.iter().map(|it| &it.0)).cloned().collect();
    let made: Vec<String> = make.iter().map(|(name, text)| format!("{name} = {text}")).collect();
    match by.as_slice() {
        [] => format!("of all rows {}", made.join(", ")),
        by => format!("of each {} {}", by.join(", "), made.join(", ")),
    }
}

fn follow_history(
    history: &History,
    path: &str,
    columns: &mut Vec<String>,
    lineage: &mut Lineage,
) -> String {
    let History { key, compare, valid_from, against } = history;
    lineage.derive(History::VALID_FROM, &mentioned(valid_from, columns), path);
    let mut names: BTreeSet<String> = key.iter().chain(compare).cloned().collect();
    names.insert(History::VALID_FROM.to_owned());
    lineage.filter(&names);
    for made in [History::VALID_FROM, History::VALID_TO, History::IS_CURRENT] {
        if made != History::VALID_FROM {
            lineage.derive(made, &names, path);
        }
        if !columns.iter().any(|it| it == made) {
            columns.push(made.to_owned());
        }
    }
    for column in columns.iter() {
        lineage.add_source(column, format!("{}#{column}", against.at), path);
    }
    format!("versions of each {}, from {valid_from} on", key.join(", "))
}

/// Finds the columns whose names stand in an expression, outside of text.
fn mentioned(expression: &str, columns: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let (name, behind) = match first {
            '\'' | '"' => {
                let inner = rest.get(1..).unwrap_or_default();
                let (inner, behind) = inner.split_once(first).unwrap_or((inner, ""));
                (if first == '"' { inner } else { "" }, behind)
            }
            first if first.is_alphanumeric() || first == '_' => {
                let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_');
                rest.split_at(end.unwrap_or(rest.len()))
            }
            other => ("", rest.get(other.len_utf8()..).unwrap_or_default()),
        };
        let is_function = first != '"' && behind.trim_start().starts_with('(');
        if !is_function && columns.iter().any(|it| it == name) {
            found.insert(name.to_owned());
        }
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etl::read_pipeline;

    #[test]
    fn columns_are_traced_by_the_names_in_expressions() {
        let text = r#"
pipeline: p
source:
  at: file:in/a.csv
  columns: [{name: id}, {name: left}, {name: "Opened On"}, {name: closed}]
steps:
  - filter: id <> 'closed'
  - rename: {closed: ended}
  - derive:
      days: coalesce(ended, CAST(now() AS DATE)) - "Opened On"
      short: left(id, 3)
  - select: [id, days, short]
rules: [{not_null: id, action: stop}]
sink: {at: file:out/a.csv}
"#;
        let outline = read_pipeline("p.yaml", text).unwrap().outline();
        let columns: Vec<_> = outline
            .columns
            .iter()
            .map(|it| {
                let from: Vec<_> = it.from.iter().map(String::as_str).collect();
                (it.column.as_str(), from, it.by.join(","))
            })
            .collect();
        assert_eq!(
            columns,
            [
                ("id", vec!["id"], String::new()),
                (
                    "days",
                    vec!["Opened On", "closed"],
                    "steps.1.rename.closed,steps.2.derive.days".to_owned()
                ),
                ("short", vec!["id"], "steps.2.derive.short".to_owned()),
            ]
        );
        assert_eq!(outline.filtered_by, BTreeSet::from(["id".to_owned()]));
        assert_eq!(outline.steps.last().unwrap().does, "checks 1 rules");
    }

    #[test]
    fn steps_over_many_rows_change_the_columns_too() {
        let text = r#"
pipeline: p
source:
  at: file:in/cases.csv
  columns: [{name: id}, {name: account}, {name: fee, type: long}, {name: seen, type: date}]
steps:
  - join:
      with: {at: "file:in/accounts.csv", columns: [{name: number}, {name: region}]}
      on: {account: number}
      kind: inner
  - deduplicate: {by: [id], keep: last, order: [seen]}
  - aggregate: {by: [region], make: {fees: sum(fee)}}
sink: {at: file:out/a.csv}
"#;
        let outline = read_pipeline("p.yaml", text).unwrap().outline();
        let columns: Vec<_> = outline
            .columns
            .iter()
            .map(|it| (it.column.as_str(), it.from.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        let region = vec!["file:in/accounts.csv#number", "file:in/accounts.csv#region"];
        assert_eq!(columns, [("region", region), ("fees", vec!["fee"])]);
        assert!(outline.filtered_by.contains("seen"), "{:?}", outline.filtered_by);
        let does: Vec<_> = outline.steps.iter().map(|it| it.does.as_str()).collect();
        assert_eq!(does[0], "inner join with file:in/accounts.csv on account = number");
        assert_eq!(does[2], "of each region fees = sum(fee)");
    }
}
