//! Walks a document along its form, and gathers every fault on the way.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Fault;
use super::nearest::nearest;
use super::path::joined;
use super::shape::{Kind, Shape};

/// Checks a text; says what is wrong and what to write.
pub(super) type Check = fn(&str) -> Result<(), String>;

/// One walk. Each step returns what it was handed without what is wrong: a malformed value is
/// replaced by one that is well formed, so that rules about the whole can still be checked.
pub(super) struct Walk<'a> {
    pub(super) checks: &'a BTreeMap<&'static str, Check>,
    pub(super) faults: Vec<Fault>,
}

impl Walk<'_> {
    fn fault(&mut self, path: &str, what: impl Into<String>) {
        self.faults.push(Fault::new(path, what));
    }

    /// Checks `value` against `shape`; `None` when nothing usable is left of it.
    pub(super) fn value(&mut self, path: &str, shape: Shape<'_>, value: &Value) -> Option<Value> {
        let choices = shape.choices();
        if !choices.is_empty() {
            return self.choice(path, shape, &choices, value);
        }
        let branches = shape.branches();
        if let Some(first) = branches.first() {
            return match (shape.tag(), value) {
                (Some(tag), Value::Object(map)) => self.tagged(path, tag, &branches, map),
                _ if branches.len() == 1 => self.value(path, *first, value),
                _ => self.any_of(path, &branches, value),
            };
        }
        match (shape.kind(), value) {
            (Kind::Any, _) => Some(value.clone()),
            (Kind::Table, Value::Object(map)) => self.table(path, shape, map),
            (Kind::List, Value::Array(list)) => self.list(path, shape, list),
            (Kind::Text, Value::String(text)) => self.text(path, shape, text),
            (Kind::Whole, Value::Number(number)) if !number.is_f64() => {
                self.number(path, shape, value)
            }
            (Kind::Number, Value::Number(_)) => self.number(path, shape, value),
            (Kind::Switch, Value::Bool(_)) => Some(value.clone()),
            _ => {
                let what = format!("is {}: write {}", kind_of(value), wanted(shape));
                self.fault(path, what);
                shape.substitute()
            }
        }
    }

    fn choice(
        &mut self,
        path: &str,
        shape: Shape<'_>,
        choices: &[&Value],
        value: &Value,
    ) -> Option<Value> {
        if choices.contains(&value) {
            return Some(value.clone());
        }
        let names: Vec<&str> = choices.iter().filter_map(|it| it.as_str()).collect();
        let what = match value.as_str() {
            Some(raw) => format!("`{raw}` is not known; {}", hint(raw, &names)),
            None => format!("is {}: write {}", kind_of(value), one_of(&names)),
        };
        self.fault(path, what);
        shape.substitute()
    }

    fn tagged(
        &mut self,
        path: &str,
        tag: &str,
        branches: &[Shape<'_>],
        map: &Map<String, Value>,
    ) -> Option<Value> {
        let value_of = |it: &Shape<'_>| it.property(tag).and_then(|it| it.0.get("const").cloned());
        let meant = map
            .get(tag)
            .and_then(|given| branches.iter().find(|it| value_of(it).as_ref() == Some(given)));
        if let Some(branch) = meant {
            return self.table(path, *branch, map);
        }
        let values: Vec<Value> = branches.iter().filter_map(value_of).collect();
        let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let what = match map.get(tag) {
            None => format!("is missing: write {}", one_of(&names)),
            Some(Value::String(raw)) => format!("`{raw}` is not known; {}", hint(raw, &names)),
            Some(other) => format!("is {}: write {}", kind_of(other), one_of(&names)),
        };
        self.fault(&joined(path, tag), what);
        None
    }

    /// Takes the first branch that fits, else reports what the branch of the same kind lacks.
    fn any_of(&mut self, path: &str, branches: &[Shape<'_>], value: &Value) -> Option<Value> {
        let mut nearest: Option<(Vec<Fault>, Option<Value>)> = None;
        for branch in branches {
            let mut walk = Walk { checks: self.checks, faults: Vec::new() };
            let found = walk.value(path, *branch, value);
            if walk.faults.is_empty() {
                return found;
            }
            let is_own_kind = walk.faults.iter().all(|it| it.path != path);
            if nearest.is_none() || is_own_kind {
                nearest = Some((walk.faults, found));
            }
        }
        let (faults, found) = nearest?;
        self.faults.extend(faults);
        found
    }

    fn table(&mut self, path: &str, shape: Shape<'_>, map: &Map<String, Value>) -> Option<Value> {
        let mut kept = Map::new();
        let mut is_whole = true;
        for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            let inner = joined(path, name);
            match shape.property(name).or_else(|| shape.others()) {
                Some(of_name) => {
                    let found = self.value(&inner, of_name, value);
                    is_whole &= found.is_some() || !shape.required().any(|it| it == name);
                    kept.extend(found.map(|it| (name.clone(), it)));
                }
                None if shape.is_closed() => {
                    let names: Vec<&str> = shape.properties().map(|(it, _)| it.as_str()).collect();
                    self.fault(&inner, format!("is not a setting; {}", hint(name, &names)));
                }
                None => drop(kept.insert(name.clone(), value.clone())),
            }
        }
        for name in shape.required() {
            if map.get(name).is_none_or(Value::is_null) {
                let of_name = shape.property(name).unwrap_or(shape);
                self.fault(&joined(path, name), format!("is missing: write {}", wanted(of_name)));
                let stand_in = of_name.substitute();
                is_whole &= stand_in.is_some();
                kept.extend(stand_in.map(|it| (name.to_owned(), it)));
            }
        }
        is_whole.then_some(Value::Object(kept))
    }

    fn list(&mut self, path: &str, shape: Shape<'_>, list: &[Value]) -> Option<Value> {
        let least = shape.0.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if (list.len() as u64) < least {
            let what = match shape.others().and_then(Shape::sample) {
                Some(sample) => format!("is empty: add such as `{}`", plain(sample)),
                None => "is empty: add at least one".to_owned(),
            };
            self.fault(path, what);
        }
        let Some(element) = shape.others() else { return Some(Value::Array(list.to_vec())) };
        let checked: Vec<Option<Value>> = list
            .iter()
            .enumerate()
            .map(|(idx, value)| self.value(&format!("{path}[{idx}]"), element, value))
            .collect();
        // Without one the others would stand at another place than they are written at.
        checked.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
    }

    fn text(&mut self, path: &str, shape: Shape<'_>, text: &str) -> Option<Value> {
        let format = shape.0.get("format").and_then(Value::as_str);
        let least = shape.0.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        let checked = match format.and_then(|it| self.checks.get(it)) {
            _ if text.trim().is_empty() && (least > 0 || format.is_some()) => {
                Err(format!("is empty: write {}", wanted(shape)))
            }
            Some(check) => check(text),
            None => Ok(()),
        };
        match checked {
            Ok(()) => Some(Value::String(text.to_owned())),
            Err(what) => {
                let says_more = what.contains("write") || what.contains("such as");
                match shape.sample().filter(|_| !says_more) {
                    Some(it) => self.fault(path, format!("{what}: write such as `{}`", plain(it))),
                    None if !says_more && format == Some("uri") => {
                        self.fault(path, format!("{what}: write such as `https://name.example`"));
                    }
                    None => self.fault(path, what),
                }
                shape.substitute()
            }
        }
    }

    fn number(&mut self, path: &str, shape: Shape<'_>, value: &Value) -> Option<Value> {
        let bound = |name: &str| shape.0.get(name).filter(|it| it.is_number());
        let given = value.as_f64().unwrap_or_default();
        let (least, most) = (bound("minimum"), bound("maximum"));
        let is_below = least.and_then(Value::as_f64).is_some_and(|it| given < it);
        let is_above = most.and_then(Value::as_f64).is_some_and(|it| given > it);
        if is_below || is_above {
            self.fault(path, format!("is {value}: write {}", wanted(shape)));
            return shape.substitute();
        }
        Some(value.clone())
    }
}

/// Says which kind of value was given, never the value.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(it) if it.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// Says what to write.
fn wanted(shape: Shape<'_>) -> String {
    let choices = shape.choices();
    let branches = shape.branches();
    if !choices.is_empty() {
        let names: Vec<&str> = choices.iter().filter_map(|it| it.as_str()).collect();
        return one_of(&names);
    }
    if let ([branch], None) = (branches.as_slice(), shape.tag()) {
        return wanted(*branch);
    }
    if let Some(tag) = shape.tag() {
        return format!("a table with `{tag}`");
    }
    let element = shape.others().and_then(Shape::sample).filter(|_| shape.kind() == Kind::List);
    if let Some(sample) = element {
        return format!("a list such as `[{sample}]`");
    }
    let what = match shape.kind() {
        Kind::Table => "a table".to_owned(),
        Kind::List => "a list".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Whole => format!("a whole number{}", range(shape)),
        Kind::Number => format!("a number{}", range(shape)),
        Kind::Switch => return "`true` or `false`".to_owned(),
        Kind::Any => "a value".to_owned(),
    };
    match shape.sample() {
        Some(sample) if !sample.is_object() && !sample.as_array().is_some_and(Vec::is_empty) => {
            format!("{what} such as `{}`", plain(sample))
        }
        _ => what,
    }
}

fn range(shape: Shape<'_>) -> String {
    let bound = |name: &str| shape.0.get(name).filter(|it| it.is_number());
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(", {least} or more"),
        (None, Some(most)) => format!(", {most} or less"),
        (None, None) => String::new(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Says which of `names` was probably meant, else all of them.
fn hint(given: &str, names: &[&str]) -> String {
    match (nearest(given, names), names.is_empty()) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, true) => "remove it".to_owned(),
        (None, false) => format!("write {}", one_of(names)),
    }
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}
