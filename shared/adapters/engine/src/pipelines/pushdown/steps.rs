//! Steps as parts of one statement, each reading the one before.

use std::collections::BTreeSet;

use datafusion_common::DFSchema;
use datafusion_expr::{Expr, ExprSchemable as _};
use shared::etl::pushdown::Counted;
use shared::etl::report::built_in;
use shared::etl::{
    Action, ColumnKind, Join, JoinKind, Pipeline, PlannedColumn, SourceColumn, Step,
};
use shared::time::Timestamp;

use super::expression::{Translator, converted};
use super::sql::{Sql, any, as_text, name, shown, text};
use super::tables::{Tables, column, table_of};
use crate::pipelines::kinds::kind_of;
use crate::pipelines::language::{Language, deep};

/// The columns beside those of the pipeline.
pub(super) const KEY: &str = "\"__mb_key\"";
const FAULT: &str = "\"__mb_fault\"";
const KEEP: &str = "\"__mb_keep\"";

/// A pipeline on its way into SQL.
pub(super) struct Walk<'a> {
    pub(super) language: &'a Language,
    /// Another instant, where the time of the run is not known: what hangs on it differs.
    pub(super) other: Option<Language>,
    pub(super) tables: Tables,
    /// Each part with its query.
    pub(super) parts: Vec<(String, String)>,
    pub(super) columns: Vec<PlannedColumn>,
    pub(super) counts: Vec<String>,
    pub(super) rejects: Vec<String>,
    pub(super) notes: BTreeSet<String>,
    pub(super) reject_action: Action,
    pub(super) stretch: usize,
}

/// A reject of the rows of a part for which a flag is true.
pub(super) struct Reject<'a> {
    pub(super) part: &'a str,
    pub(super) flag: &'a str,
    pub(super) rule: &'a str,
    pub(super) action: Action,
    pub(super) columns: &'a [PlannedColumn],
    pub(super) reason: &'a str,
}

impl<'a> Walk<'a> {
    /// Begins a pipeline whose `now()` is `now`.
    pub(super) fn new(
        pipeline: &Pipeline,
        language: &'a Language,
        now: Option<Timestamp>,
        tables: Tables,
    ) -> Self {
        let other = now.is_none().then(|| Language::new(Timestamp::from_millis(86_399_999)));
        Self {
            language,
            other,
            tables,
            parts: Vec::new(),
            columns: Vec::new(),
            counts: Vec::new(),
            rejects: Vec::new(),
            notes: BTreeSet::new(),
            reject_action: pipeline.reject_action(),
            stretch: 0,
        }
    }

    /// Adds a part, and returns its name.
    pub(super) fn part(&mut self, query: String) -> String {
        let part = name(&format!("mb{}", self.parts.len()));
        self.parts.push((part.clone(), query));
        part
    }

    /// Returns the part that was added last.
    pub(super) fn last(&self) -> String {
        self.parts.last().map(|it| it.0.clone()).unwrap_or_default()
    }

    /// Lists the columns of the pipeline and that of the key.
    pub(super) fn listed(&self) -> String {
        let names = self.columns.iter().map(|it| name(&it.name));
        names.chain([KEY.to_owned()]).collect::<Vec<_>>().join(", ")
    }

    /// Goes on with the rows of the last part that fulfil `condition`.
    pub(super) fn keep(&mut self, condition: &str) {
        let (listed, last) = (self.listed(), self.last());
        self.part(format!("SELECT {listed} FROM {last} WHERE {condition}"));
    }

    /// Counts the rows of a part that fulfil a condition.
    pub(super) fn count(&mut self, what: Counted, part: &str, condition: &str) {
        let (what, stretch) = (text(what.as_str()), self.stretch);
        self.counts.push(format!(
            "SELECT {what} AS \"what\", {stretch} AS \"stretch\", '' AS \"rule\", COUNT(*) AS \
             \"n_checked\", 0 AS \"n_failed\" FROM {part} WHERE {condition}"
        ));
    }

    /// Counts the rows of a part, and those of them that break a rule.
    pub(super) fn count_rule(&mut self, rule: &str, part: &str, flag: &str) {
        let (what, stretch) = (text(Counted::Rule.as_str()), self.stretch);
        self.counts.push(format!(
            "SELECT {what}, {stretch}, {}, COUNT(*), COUNT(CASE WHEN {flag} THEN 1 END) FROM {part}",
            text(rule)
        ));
    }

    /// Writes rejects.
    pub(super) fn reject(&mut self, it: &Reject<'_>) {
        let texts: Vec<String> =
            it.columns.iter().map(|it| as_text(&name(&it.name), it.kind)).collect();
        let names: Vec<&str> = it.columns.iter().map(|it| it.name.as_str()).collect();
        self.rejects.push(format!(
            "SELECT {} AS \"key\", {} AS \"rule\", {} AS \"column\", {} AS \"value\", {} AS \
             \"reason\", {} AS \"action\" FROM {} WHERE {}",
            shown(&[KEY.to_owned()]),
            text(it.rule),
            text(&names.join(",")),
            shown(&texts),
            text(it.reason),
            text(it.action.as_str()),
            it.part,
            it.flag
        ));
        self.count_rule(it.rule, it.part, it.flag);
    }

    /// Reads an expression over the columns.
    pub(super) fn read(&self, text: &str) -> Result<(Expr, DFSchema), String> {
        deep(|| {
            let read = self.language.read(text, &self.columns)?;
            if let Some(other) = &self.other
                && other.read(text, &self.columns)?.0 != read.0
            {
                return Err("asks for the time of the run: say which it is by `--now`".to_owned());
            }
            Ok(read)
        })
    }

    /// Translates an expression, and tells what it gives and which columns it looks at.
    pub(super) fn value(
        &mut self,
        text: &str,
    ) -> Result<(Sql, ColumnKind, Vec<PlannedColumn>), String> {
        let (expression, schema) = self.read(text)?;
        let found = expression.get_type(&schema).map_err(|error| error.strip_backtrace())?;
        let kind = kind_of(&found).ok_or_else(|| format!("{found} is not compiled"))?;
        let used = expression.column_refs();
        let used = self.columns.iter().filter(|it| used.iter().any(|used| used.name == it.name));
        let used: Vec<PlannedColumn> = used.cloned().collect();
        let mut to = Translator { schema: &schema, notes: &mut self.notes };
        let sql = to.expression(&expression)?;
        Ok((sql, kind, used))
    }

    /// Reads the source.
    pub(super) fn source(&mut self, pipeline: &Pipeline) -> Result<(), String> {
        let source = &pipeline.source.part;
        let kept = self.tables.read(&table_of(source)?, &source.columns);
        let mut selected = Vec::new();
        let mut faults: Vec<(String, &SourceColumn, &'static str)> = Vec::new();
        for it in &source.columns {
            let (sql, fault) = column(it);
            selected.push(format!("{sql} AS {}", name(&it.name)));
            faults.extend(fault.map(|fault| (fault, it, built_in::TYPE)));
            if it.is_required {
                faults.push((format!("{} IS NULL", name(&it.from)), it, built_in::REQUIRED));
            }
        }
        let key = pipeline.key.iter().filter_map(|it| source.column(it));
        let key: Vec<String> =
            key.map(|it| format!("COALESCE({}, '')", as_text(&name(&it.from), it.kind))).collect();
        let key = if key.is_empty() { "''".to_owned() } else { key.join(" || '|' || ") };
        selected.push(format!("{key} AS {KEY}"));
        for (place, (fault, ..)) in faults.iter().enumerate() {
            selected.push(format!(
                "{} AS {}",
                any(std::slice::from_ref(fault)).unwrap_or_default(),
                flag(place)
            ));
        }
        self.columns = pipeline_columns(&source.columns);
        let part = self.part(format!("SELECT {} FROM {kept}", selected.join(", ")));
        self.count(Counted::Read, &part, "TRUE");
        for (place, (_, it, rule)) in faults.iter().enumerate() {
            let reason = match *rule {
                built_in::TYPE => format!("is no {}", it.kind),
                _ => "has no value".to_owned(),
            };
            let columns = [PlannedColumn { name: it.name.clone(), kind: it.kind }];
            let action = self.reject_action;
            let flag = flag(place);
            self.reject(&Reject {
                part: &part,
                flag: &flag,
                rule,
                action,
                columns: &columns,
                reason: &reason,
            });
        }
        let flags: Vec<String> = (0..faults.len()).map(flag).collect();
        self.take_out(&part, &flags);
        Ok(())
    }

    /// Takes out the rows of the last part for which a flag is true.
    pub(super) fn take_out(&mut self, part: &str, flags: &[String]) {
        if let Some(condition) = any(flags) {
            self.count(Counted::Rejected, part, &condition);
            self.keep(&format!("NOT {condition}"));
        }
    }

    /// Translates a step over single rows; `false` when it is none.
    pub(super) fn step(&mut self, step: &Step, behind: &[PlannedColumn]) -> Result<bool, String> {
        match step {
            Step::Filter(text) => self.filter(text)?,
            Step::Derive { column, expression } => {
                let (sql, kind, used) = self.value(expression)?;
                self.put(column, &sql, kind, &used, built_in::EXPRESSION, behind);
            }
            Step::Convert { column, kind, .. } => {
                let there = self.columns.iter().find(|it| it.name == *column).cloned();
                let there = there.ok_or_else(|| format!("there is no column `{column}`"))?;
                let sql = converted(Sql::sure(name(column)), there.kind, *kind)?;
                self.put(column, &sql, *kind, &[there], built_in::TYPE, behind);
            }
            Step::Rename { from, to } => {
                let renamed = |it: &PlannedColumn| match it.name == *from {
                    true => format!("{} AS {}", name(from), name(to)),
                    false => name(&it.name),
                };
                let list: Vec<String> = self.columns.iter().map(renamed).collect();
                let last = self.last();
                self.columns = behind.to_vec();
                self.part(format!("SELECT {}, {KEY} FROM {last}", list.join(", ")));
            }
            Step::Select(_) | Step::Drop(_) => {
                self.columns = behind.to_vec();
                self.keep("TRUE");
            }
            Step::Join(join) => self.join(join, behind)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn filter(&mut self, text: &str) -> Result<(), String> {
        let (sql, _, used) = self.value(text)?;
        let fault = sql.fault().unwrap_or_else(|| "FALSE".to_owned());
        let (listed, last) = (self.listed(), self.last());
        let part = self.part(format!(
            "SELECT {listed}, COALESCE({}, FALSE) AS {KEEP}, {fault} AS {FAULT} FROM {last}",
            sql.text
        ));
        if sql.fault().is_some() {
            self.worked_out(&part, FAULT, built_in::EXPRESSION, &used);
            self.count(Counted::Rejected, &part, FAULT);
        }
        self.count(Counted::Filtered, &part, &format!("NOT {FAULT} AND NOT {KEEP}"));
        self.keep(&format!("NOT {FAULT} AND {KEEP}"));
        Ok(())
    }

    /// Rejects the rows for which something cannot be worked out.
    pub(super) fn worked_out(
        &mut self,
        part: &str,
        flag: &str,
        rule: &str,
        used: &[PlannedColumn],
    ) {
        let reason = match rule {
            built_in::TYPE => "is not of the type",
            _ => "cannot be worked out",
        };
        let action = self.reject_action;
        self.reject(&Reject { part, flag, rule, action, columns: used, reason });
    }

    /// Puts a value in place of a column, or beside the others.
    fn put(
        &mut self,
        column: &str,
        sql: &Sql,
        kind: ColumnKind,
        used: &[PlannedColumn],
        rule: &str,
        behind: &[PlannedColumn],
    ) {
        if let Some(fault) = sql.fault() {
            let (listed, last) = (self.listed(), self.last());
            let part = self.part(format!("SELECT {listed}, {fault} AS {FAULT} FROM {last}"));
            self.worked_out(&part, FAULT, rule, used);
            self.take_out(&part, &[FAULT.to_owned()]);
        }
        let value = format!("CAST({} AS {})", sql.text, super::sql::type_name(kind));
        let list = behind.iter().map(|it| match it.name == column {
            true => format!("{value} AS {}", name(column)),
            false => name(&it.name),
        });
        let list: Vec<String> = list.collect();
        let last = self.last();
        self.columns = behind.to_vec();
        self.part(format!("SELECT {}, {KEY} FROM {last}", list.join(", ")));
    }

    fn join(&mut self, join: &Join, behind: &[PlannedColumn]) -> Result<(), String> {
        if join.is_lookup {
            return Err("`lookup` asks for the line of a match, and a table has none".to_owned());
        }
        if let Some(it) = join.with.columns.iter().find(|it| it.is_required) {
            return Err(format!(
                "`{}` is required, and a row of the other table without it would end the run: it \
                 cannot there",
                it.name
            ));
        }
        let kept = self.tables.read_all(&table_of(&join.with)?, &join.with.columns);
        let theirs: Vec<String> = join
            .with
            .columns
            .iter()
            .map(|it| format!("{} AS {}", column(it).0, name(&it.name)))
            .collect();
        let other = self.part(format!("SELECT {} FROM {kept}", theirs.join(", ")));
        let ours = self.parts.iter().rev().nth(1).map(|it| it.0.clone()).unwrap_or_default();
        let on =
            join.on.iter().map(|(ours, theirs)| format!("l.{} = r.{}", name(ours), name(theirs)));
        let on = on.collect::<Vec<_>>().join(" AND ");
        let taken = join.taken();
        let list = behind.iter().map(|it| match taken.iter().find(|(_, here)| *here == it.name) {
            Some((there, here)) => format!("r.{} AS {}", name(there), name(here)),
            None => format!("l.{}", name(&it.name)),
        });
        let list = list.chain([format!("l.{KEY}")]).collect::<Vec<_>>().join(", ");
        let query = match join.kind {
            JoinKind::Inner => format!("SELECT {list} FROM {ours} l JOIN {other} r ON {on}"),
            JoinKind::Left => format!("SELECT {list} FROM {ours} l LEFT JOIN {other} r ON {on}"),
            JoinKind::Semi => format!(
                "SELECT {list} FROM {ours} l WHERE EXISTS (SELECT 1 FROM {other} r WHERE {on})"
            ),
            JoinKind::Anti => format!(
                "SELECT {list} FROM {ours} l WHERE NOT EXISTS (SELECT 1 FROM {other} r WHERE {on})"
            ),
        };
        self.columns = behind.to_vec();
        self.part(query);
        self.next_stretch();
        Ok(())
    }

    /// Counts rows anew: those that came out of a step over many rows.
    pub(super) fn next_stretch(&mut self) {
        self.stretch += 1;
        let last = self.last();
        self.count(Counted::Behind, &last, "TRUE");
    }
}

/// Names the flag at a place.
pub(super) fn flag(place: usize) -> String {
    name(&format!("__mb_{place}"))
}

fn pipeline_columns(columns: &[SourceColumn]) -> Vec<PlannedColumn> {
    columns.iter().map(|it| PlannedColumn { name: it.name.clone(), kind: it.kind }).collect()
}
