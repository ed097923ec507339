//! What rows must fulfil, checked against the schema and ready to be asked.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Bound;

use super::ast::{Comparison, Literal};
use super::lexer::{ESCAPED_PERCENT, ESCAPED_UNDERSCORE};
use super::literal::DAY;
use super::path::Path;
use crate::ids::RecordId;
use crate::org::{Org, Row, Value};

/// A condition ready to be asked of rows.
#[derive(Clone, Debug)]
pub(super) enum Test {
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Compare {
        path: Path,
        comparison: Comparison,
        value: Value,
    },
    Like {
        path: Path,
        pattern: Vec<char>,
    },
    /// Instants from and until; what lies between counts as equal.
    Range {
        path: Path,
        comparison: Comparison,
        from: i64,
        until: i64,
    },
    OneOf {
        path: Path,
        set: Set,
        negated: bool,
    },
    Includes {
        path: Path,
        sets: Vec<Vec<String>>,
        negated: bool,
    },
}

/// The values of an IN list.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub(super) texts: HashSet<String>,
    pub(super) ids: HashSet<RecordId>,
    pub(super) others: Vec<Value>,
    pub(super) null: bool,
}

impl Set {
    pub(super) fn add(&mut self, value: Value) {
        match value {
            Value::Null => self.null = true,
            Value::Text(text) => {
                self.texts.insert(text.to_lowercase());
            }
            Value::Id(id) => {
                self.ids.insert(id);
            }
            other => self.others.push(other),
        }
    }

    fn contains(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Text(text) => self.texts.contains(&text.to_lowercase()),
            Value::Id(id) => self.ids.contains(id),
            other => self.others.contains(other),
        }
    }
}

impl Test {
    /// Tells whether `row` fulfils the condition.
    pub(super) fn holds(&self, org: &Org, row: &Row) -> bool {
        match self {
            Self::And(all) => all.iter().all(|test| test.holds(org, row)),
            Self::Or(any) => any.iter().any(|test| test.holds(org, row)),
            Self::Not(inner) => !inner.holds(org, row),
            Self::Compare { path, comparison, value } => {
                compare(path.value(org, row), *comparison, value)
            }
            Self::Like { path, pattern } => {
                path.value(org, row).as_text().is_some_and(|text| like(text, pattern))
            }
            Self::Range { path, comparison, from, until } => seconds(path.value(org, row))
                .map_or(*comparison == Comparison::NotEqual, |at| {
                    in_range(at, *comparison, *from, *until)
                }),
            Self::OneOf { path, set, negated } => set.contains(path.value(org, row)) != *negated,
            Self::Includes { path, sets, negated } => {
                let text = path.value(org, row).as_text().unwrap_or_default().to_lowercase();
                let has: HashSet<&str> = text.split(';').collect();
                sets.iter().any(|set| set.iter().all(|word| has.contains(word.as_str())))
                    != *negated
            }
        }
    }

    /// Returns the seconds from and until which `SystemModstamp` must lie, as far as tests joined by `AND` and `OR` tell.
    pub(super) fn modstamp_bounds(&self) -> (i64, i64) {
        let whole = (i64::MIN, i64::MAX);
        let is_modstamp = |path: &Path| path.steps.is_empty() && path.name == "SystemModstamp";
        match self {
            Self::And(all) => all
                .iter()
                .map(Self::modstamp_bounds)
                .fold(whole, |(from, until), (f, u)| (from.max(f), until.min(u))),
            Self::Or(any) => any
                .iter()
                .map(Self::modstamp_bounds)
                .reduce(|(from, until), (f, u)| (from.min(f), until.max(u)))
                .unwrap_or(whole),
            Self::Compare { path, comparison, value: Value::Instant(at) } if is_modstamp(path) => {
                bounds(*comparison, *at, at.saturating_add(1))
            }
            Self::Range { path, comparison, from, until } if is_modstamp(path) => {
                bounds(*comparison, *from, *until)
            }
            _ => whole,
        }
    }

    /// Returns the ids between which a row must lie, as far as tests joined by `AND` tell.
    pub(super) fn id_bounds(&self) -> (Bound<RecordId>, Bound<RecordId>) {
        match self {
            Self::And(all) => {
                all.iter().map(Self::id_bounds).fold(UNBOUNDED, |(first, last), (f, l)| {
                    // Two bounds on one side are rare, and either is right: rows are still tested.
                    let either = |known, new| if known == Bound::Unbounded { new } else { known };
                    (either(first, f), either(last, l))
                })
            }
            Self::Compare { path, comparison, value: Value::Id(id) }
                if path.steps.is_empty() && path.name == "Id" =>
            {
                match comparison {
                    Comparison::Less => (Bound::Unbounded, Bound::Excluded(*id)),
                    Comparison::LessOrEqual => (Bound::Unbounded, Bound::Included(*id)),
                    Comparison::Greater => (Bound::Excluded(*id), Bound::Unbounded),
                    Comparison::GreaterOrEqual => (Bound::Included(*id), Bound::Unbounded),
                    _ => UNBOUNDED,
                }
            }
            _ => UNBOUNDED,
        }
    }

    /// Returns the only ids that can fulfil the condition, when tests joined by `AND` tell.
    pub(super) fn ids(&self) -> Option<Vec<RecordId>> {
        match self {
            Self::And(all) => all.iter().find_map(Self::ids),
            Self::Compare { path, comparison: Comparison::Equal, value: Value::Id(id) }
                if path.steps.is_empty() && path.name == "Id" =>
            {
                Some(vec![*id])
            }
            Self::OneOf { path, set, negated: false }
                if path.steps.is_empty() && path.name == "Id" =>
            {
                let mut ids: Vec<RecordId> = set.ids.iter().copied().collect();
                ids.sort_unstable();
                Some(ids)
            }
            _ => None,
        }
    }
}

const UNBOUNDED: (Bound<RecordId>, Bound<RecordId>) = (Bound::Unbounded, Bound::Unbounded);

fn bounds(comparison: Comparison, from: i64, until: i64) -> (i64, i64) {
    match comparison {
        Comparison::Equal => (from, until),
        Comparison::Less => (i64::MIN, from),
        Comparison::LessOrEqual => (i64::MIN, until),
        Comparison::Greater => (until, i64::MAX),
        Comparison::GreaterOrEqual => (from, i64::MAX),
        Comparison::NotEqual | Comparison::Like => (i64::MIN, i64::MAX),
    }
}

fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::Instant(at) => Some(*at),
        Value::Date(days) => Some(i64::from(*days) * DAY),
        _ => None,
    }
}

fn in_range(at: i64, comparison: Comparison, from: i64, until: i64) -> bool {
    let inside = (from..until).contains(&at);
    match comparison {
        Comparison::NotEqual => !inside,
        Comparison::Less => at < from,
        Comparison::LessOrEqual => at < until,
        Comparison::Greater => at >= until,
        Comparison::GreaterOrEqual => at >= from,
        Comparison::Equal | Comparison::Like => inside,
    }
}

fn compare(value: &Value, comparison: Comparison, literal: &Value) -> bool {
    // Null counts as false for booleans; elsewhere only `= null` and `!=` know it.
    let value = match (value, literal) {
        (Value::Null, Value::Bool(_)) => &Value::Bool(false),
        _ => value,
    };
    if value.is_null() || literal.is_null() {
        let equal = value.is_null() && literal.is_null();
        return match comparison {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            _ => false,
        };
    }
    let order = order(value, literal);
    match comparison {
        Comparison::Equal | Comparison::Like => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    }
}

/// Orders two values the way the platform sorts them; null comes first.
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Text(a), Value::Text(b)) => lower(a).cmp(lower(b)),
        (Value::Id(a), Value::Id(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Id(a), Value::Text(b)) => a.to_string().as_str().cmp(b),
        (a, b) => seconds(a).cmp(&seconds(b)),
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Matches `%` and `_` against a text, whatever its case.
fn like(text: &str, pattern: &[char]) -> bool {
    let text: Vec<char> = lower(text).collect();
    let (mut at, mut idx) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(idx) {
            Some('%') => {
                retry = Some((at, idx));
                idx += 1;
            }
            Some('_') => {
                at += 1;
                idx += 1;
            }
            Some(wanted)
                if text.get(at) == Some(wanted) || escaped(*wanted) == text.get(at).copied() =>
            {
                at += 1;
                idx += 1;
            }
            _ => match retry {
                Some((from, star)) => {
                    at = from + 1;
                    retry = Some((at, star));
                    idx = star + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(idx..).unwrap_or_default().iter().all(|ch| *ch == '%')
}

fn escaped(ch: char) -> Option<char> {
    match ch {
        ESCAPED_PERCENT => Some('%'),
        ESCAPED_UNDERSCORE => Some('_'),
        _ => None,
    }
}

/// Returns the pattern of a LIKE literal.
pub(super) fn pattern(literal: &Literal) -> Option<Vec<char>> {
    match literal {
        Literal::Text(text) => Some(lower(text).collect()),
        Literal::Null => Some(Vec::new()),
        _ => None,
    }
}
