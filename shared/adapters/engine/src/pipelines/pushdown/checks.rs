//! Rules as flags of rows.

use shared::etl::pushdown::Counted;
use shared::etl::report::built_in;
use shared::etl::{Action, Check, ColumnKind, Located, PlannedColumn, Rule};

use super::sql::{name, text};
use super::steps::{Reject, Walk, flag};
use super::tables::column;

/// What is wrong with a rule, and where it stands.
pub(super) struct RuleFault<'a> {
    pub(super) rule: &'a Located<Rule>,
    pub(super) text: String,
}

/// A rule of rows with what is asked for it.
struct Asked<'a> {
    rule: &'a Rule,
    columns: Vec<PlannedColumn>,
    /// The flags of rows that break it, and of those for which it cannot be worked out.
    flags: [String; 2],
    has_fault: bool,
}

impl Walk<'_> {
    /// Translates rules: those of rows first, over the same rows, then references one after the other,
    /// then those of all rows.
    ///
    /// # Errors
    ///
    /// Every rule that is not the same there.
    pub(super) fn check<'r>(
        &mut self,
        rules: &'r [Located<Rule>],
    ) -> Result<(), Vec<RuleFault<'r>>> {
        let mut faults = Vec::new();
        self.check_rows(rules, &mut faults);
        for rule in rules {
            let checked = match &rule.part.check {
                Check::Row(_) => Ok(()),
                Check::Reference { .. } => self.refer(&rule.part),
                Check::RowCount(_) => Ok(()),
                Check::Unique { .. } => Err("a table has no first row: take `aggregate`, or let \
                                             Snowflake keep the key"
                    .to_owned()),
                other => Err(format!("`{}` is not compiled", other.as_str())),
            };
            if let Err(text) = checked {
                faults.push(RuleFault { rule, text });
            }
        }
        for rule in rules.iter().filter(|it| matches!(it.part.check, Check::RowCount(_))) {
            let last = self.last();
            let (what, stretch) = (text(Counted::Figure.as_str()), self.stretch);
            let rule = text(&rule.part.name);
            self.counts.push(format!("SELECT {what}, {stretch}, {rule}, COUNT(*), 0 FROM {last}"));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn check_rows<'r>(&mut self, rules: &'r [Located<Rule>], faults: &mut Vec<RuleFault<'r>>) {
        let (mut asked, mut selected) = (Vec::new(), vec![self.listed()]);
        for at in rules {
            let Check::Row(check) = &at.part.check else { continue };
            let known = self.columns.clone();
            let kinds = |name: &str| known.iter().find(|it| it.name == name).map(|it| it.kind);
            let read = check.expression(&kinds).and_then(|text| self.value(&text));
            let (sql, _, used) = match read {
                Ok(read) => read,
                Err(text) => {
                    faults.push(RuleFault { rule: at, text });
                    continue;
                }
            };
            let named = at.part.check.columns();
            let columns: Vec<PlannedColumn> = match named.is_empty() {
                true => used,
                false => named
                    .iter()
                    .filter_map(|it| known.iter().find(|column| column.name == *it).cloned())
                    .collect(),
            };
            let flags = [flag(2 * asked.len()), flag(2 * asked.len() + 1)];
            let fault = sql.fault();
            let is_sound = fault.as_ref().map(|it| format!("NOT {it} AND ")).unwrap_or_default();
            selected.push(format!("({is_sound}NOT COALESCE({}, TRUE)) AS {}", sql.text, flags[0]));
            if let Some(fault) = &fault {
                selected.push(format!("{fault} AS {}", flags[1]));
            }
            asked.push(Asked { rule: &at.part, columns, flags, has_fault: fault.is_some() });
        }
        if asked.is_empty() {
            return;
        }
        let last = self.last();
        let part = self.part(format!("SELECT {} FROM {last}", selected.join(", ")));
        let mut out = Vec::new();
        for Asked { rule, columns, flags: [broken, failed], has_fault } in &asked {
            self.broken(&part, rule, columns, broken);
            if rule.action != Action::Warn {
                out.push(broken.clone());
            }
            if *has_fault {
                self.worked_out(&part, failed, built_in::EXPRESSION, columns);
                out.push(failed.clone());
            }
        }
        match out.is_empty() {
            true => self.keep("TRUE"),
            false => self.take_out(&part, &out),
        }
    }

    fn broken(&mut self, part: &str, rule: &Rule, columns: &[PlannedColumn], flag: &str) {
        let (name, action) = (rule.name.as_str(), rule.action);
        let reason = rule.check.complaint();
        self.reject(&Reject { part, flag, rule: name, action, columns, reason: &reason });
    }

    /// Asks whether a value is in a column of another table.
    fn refer(&mut self, rule: &Rule) -> Result<(), String> {
        let Check::Reference { column: ours, to, .. } = &rule.check else { return Ok(()) };
        let there = to.at.table().ok_or_else(|| format!("`{}` is no table of Snowflake", to.at))?;
        let here = self.columns.iter().find(|it| it.name == *ours).cloned();
        let here = here.ok_or_else(|| format!("there is no column `{ours}`"))?;
        if here.kind == ColumnKind::Float {
            return Err("numbers with a fraction of their own are not referred to".to_owned());
        }
        let mut theirs = to.column.clone();
        theirs.kind = here.kind;
        let kept = self.tables.read(&there, std::slice::from_ref(&theirs));
        let (listed, last, broken) = (self.listed(), self.last(), flag(0));
        let part = self.part(format!(
            "SELECT {listed}, ({ours} IS NOT NULL AND r.{there} IS NULL) AS {broken} FROM {last} LEFT JOIN \
             (SELECT DISTINCT {it} AS {there} FROM {kept}) r ON {ours} = r.{there}",
            ours = name(ours),
            there = name("__mb_there"),
            it = column(&theirs).0
        ));
        self.broken(&part, rule, &[here], &broken);
        match rule.action {
            Action::Warn => self.keep("TRUE"),
            _ => self.take_out(&part, &[broken]),
        }
        Ok(())
    }
}
