//! Steps and rules as they are written.

use super::{checks, places, sets};
use crate::etl::fault::{Faults, Located, no_such_name};
use crate::etl::kind::ValueFormat;
use crate::etl::rule::{Action, Percent, Rule};
use crate::etl::step::Step;
use crate::etl::yaml::At;

const STEPS: &[&str] = &[
    "filter",
    "derive",
    "convert",
    "rename",
    "select",
    "drop",
    "check",
    "join",
    "aggregate",
    "deduplicate",
    "sort",
    "history",
];
const ACTIONS: &[(&str, Action)] = &[
    ("warn", Action::Warn),
    ("drop", Action::Drop),
    ("quarantine", Action::Quarantine),
    ("stop", Action::Stop),
];
/// What a rule has beside its check.
const RULE_KEYS: &[&str] = &["name", "action", "threshold"];

/// Reads one entry of `steps`. Several columns in one entry are a step each, in order.
pub(super) fn steps(at: &At<'_>, faults: &mut Faults<'_>) -> Vec<Located<Step>> {
    let mut entries = at.entries();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else {
        at.fault(faults, format!("write one step: one of `{}`", STEPS.join("`, `")));
        return Vec::new();
    };
    let one = |part: Option<Step>| {
        part.map(|part| Located { line: value.line, path: value.path.clone(), part })
    };
    let found = match name {
        "filter" => one(value.text(faults).map(Step::Filter)),
        "select" => one(value.texts(faults).map(Step::Select)),
        "drop" => one(value.texts(faults).map(Step::Drop)),
        "check" => one(Some(Step::Check(rules(&value, faults)))),
        "convert" => one(convert(&value, faults)),
        "join" => one(sets::join(&value, faults).map(Step::Join)),
        "aggregate" => one(sets::aggregate(&value, faults).map(Step::Aggregate)),
        "deduplicate" => one(sets::deduplicate(&value, faults).map(Step::Deduplicate)),
        "sort" => one(sets::order(&value, faults).map(Step::Sort)),
        "history" => one(sets::history(&value, faults).map(Step::History)),
        "derive" | "rename" => return named(name, &value, faults),
        other => {
            value.fault(faults, no_such_name("step", other, STEPS));
            None
        }
    };
    found.into_iter().collect()
}

fn named(step: &str, at: &At<'_>, faults: &mut Faults<'_>) -> Vec<Located<Step>> {
    let mut steps = Vec::new();
    for (name, value) in at.entries() {
        let Some(text) = value.text(faults) else { continue };
        let name = name.to_owned();
        let part = match step {
            "derive" => Step::Derive { column: name, expression: text },
            _ => Step::Rename { from: name, to: text },
        };
        steps.push(Located { line: value.line, path: value.path, part });
    }
    if steps.is_empty() && faults.is_empty() {
        let example = if step == "derive" { "days: closed - opened" } else { "old: new" };
        at.fault(faults, format!("names no columns: write such as `{example}`"));
    }
    steps
}

fn convert(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Step> {
    at.keys(&["column", "type", "format"], faults);
    let column = at.need("column", faults)?.text(faults)?;
    let kind = places::kind(&at.need("type", faults)?, faults)?;
    let format = match at.get("format") {
        Some(it) => places::value_format(&it, kind, faults)?,
        None => ValueFormat::Usual,
    };
    Some(Step::Convert { column, kind, format })
}

/// Reads a list of rules.
pub(super) fn rules(at: &At<'_>, faults: &mut Faults<'_>) -> Vec<Located<Rule>> {
    let items = at.items();
    let read = items.iter().filter_map(|it| {
        let part = rule(it, faults)?;
        Some(Located { line: it.line, path: it.path.clone(), part })
    });
    read.collect()
}

fn rule(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Rule> {
    let mut found = at.entries().filter(|(key, _)| !RULE_KEYS.contains(key));
    let (Some((name, value)), None) = (found.next(), found.next()) else {
        let text = format!("write one check, and beside it `{}`", RULE_KEYS.join("`, `"));
        at.fault(faults, text);
        return None;
    };
    let check = checks::check(name, &value, faults)?;
    let action = match at.get("action") {
        Some(it) => it.word(ACTIONS, faults)?,
        // Of all rows none can be put aside.
        None if check.is_of_all_rows() => Action::Stop,
        None => Action::Quarantine,
    };
    let mut rule = Rule::new(check, action);
    if let Some(it) = at.get("name") {
        rule.name = it.text(faults)?;
    }
    if let Some(it) = at.get("threshold") {
        rule.threshold = Some(percent(&it, faults)?);
    }
    Some(rule)
}

/// Reads a share, such as `99.5` or `99.5 %`.
pub(super) fn percent(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Percent> {
    let raw = at.text(faults)?;
    let number = raw.strip_suffix('%').unwrap_or(&raw).trim();
    let percent = number.parse().ok().and_then(Percent::new);
    if percent.is_none() {
        at.fault(faults, format!("`{raw}` is no share: write 0 to 100, such as `99.5`"));
    }
    percent
}
