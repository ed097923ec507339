//! GROUP BY and the functions over groups.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;

use super::ast::{Comparison, Condition, Function, Literal, Operand};
use super::condition::order;
use super::path::Path;
use super::plan::Plan;
use super::run::sorted;
use crate::org::{Org, Row, Value};
use crate::schema::FieldKind;

/// One column of a grouped answer.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) function: Option<Function>,
    pub(super) path: Path,
}

/// Rows that share the values they are grouped by.
struct Group<'a> {
    rows: Vec<&'a Row>,
}

impl Group<'_> {
    fn value(&self, org: &Org, function: Option<Function>, path: &Path) -> Value {
        let mut values =
            self.rows.iter().map(|row| path.value(org, row)).filter(|value| !value.is_null());
        let number = |value: &Value| if let Value::Number(n) = value { *n } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "fewer rows than 2^52")]
        let count = |n: usize| Value::Number(n as f64);
        match function {
            None => self.rows.first().map(|row| path.value(org, row).clone()).unwrap_or_default(),
            Some(Function::Count) => count(values.count()),
            Some(Function::CountDistinct) => {
                let distinct: HashSet<String> = values.map(key_of).collect();
                count(distinct.len())
            }
            Some(Function::Min) => values.min_by(|a, b| order(a, b)).cloned().unwrap_or_default(),
            Some(Function::Max) => values.max_by(|a, b| order(a, b)).cloned().unwrap_or_default(),
            Some(Function::Sum) => values.next().map_or(Value::Null, |first| {
                Value::Number(values.fold(number(first), |sum, value| sum + number(value)))
            }),
            Some(Function::Avg) => {
                let all: Vec<f64> = values.map(number).collect();
                #[expect(clippy::cast_precision_loss, reason = "fewer rows than 2^52")]
                let n = all.len() as f64;
                if all.is_empty() {
                    Value::Null
                } else {
                    Value::Number(all.iter().sum::<f64>() / n)
                }
            }
        }
    }
}

fn key_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_lowercase(),
        other => format!("{other:?}"),
    }
}

/// Runs a grouped query; each group is written as JSON.
pub(super) fn run(
    plan: &Plan,
    org: &Org,
    by: &[Path],
    columns: &[Column],
    having: Option<&Condition>,
) -> Vec<String> {
    let mut groups: BTreeMap<Vec<String>, Group<'_>> = BTreeMap::new();
    for row in plan.rows(org) {
        let key = by.iter().map(|path| key_of(path.value(org, row))).collect();
        groups.entry(key).or_insert_with(|| Group { rows: Vec::new() }).rows.push(row);
    }
    if by.is_empty() && groups.is_empty() {
        groups.insert(Vec::new(), Group { rows: Vec::new() });
    }
    let mut groups: Vec<Group<'_>> = groups
        .into_values()
        .filter(|group| having.is_none_or(|condition| holds(plan, org, group, condition)))
        .collect();
    groups.sort_by(|left, right| {
        plan.order
            .iter()
            .map(|key| {
                let left = left.value(org, key.function, &key.path);
                let right = right.value(org, key.function, &key.path);
                sorted(order(&left, &right), &left, &right, key.descending, key.nulls_last)
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    plan.window(groups).iter().map(|group| write(org, group, columns)).collect()
}

fn write(org: &Org, group: &Group<'_>, columns: &[Column]) -> String {
    let mut text = String::from(r#"{"attributes":{"type":"AggregateResult"}"#);
    for column in columns {
        let kind = match column.function {
            Some(Function::Count | Function::CountDistinct) => FieldKind::Int,
            Some(Function::Avg) => FieldKind::Double,
            _ => column.path.kind,
        };
        let json = group.value(org, column.function, &column.path).to_json(kind);
        text.push(',');
        text.push_str(&Json::from(column.name.as_str()).to_string());
        text.push(':');
        text.push_str(&json.to_string());
    }
    text.push('}');
    text
}

fn holds(plan: &Plan, org: &Org, group: &Group<'_>, condition: &Condition) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|inner| holds(plan, org, group, inner)),
        Condition::Or(any) => any.iter().any(|inner| holds(plan, org, group, inner)),
        Condition::Not(inner) => !holds(plan, org, group, inner),
        Condition::Compare { operand, comparison, literal } => {
            let (function, name) = match operand {
                Operand::Field(name) => (None, name),
                Operand::Aggregate(function, name) => (Some(*function), name),
            };
            let found = Path::resolve(org.schema(), &plan.object, None, name, "");
            let Ok((path, _)) = found else { return false };
            let value = group.value(org, function, &path);
            let wanted = match literal {
                Literal::Number(number) => Value::Number(*number),
                Literal::Text(text) => Value::Text(text.as_str().into()),
                _ => return false,
            };
            let ordering = order(&value, &wanted);
            match comparison {
                Comparison::Equal | Comparison::Like => ordering.is_eq(),
                Comparison::NotEqual => ordering.is_ne(),
                Comparison::Less => ordering.is_lt(),
                Comparison::LessOrEqual => ordering.is_le(),
                Comparison::Greater => ordering.is_gt(),
                Comparison::GreaterOrEqual => ordering.is_ge(),
            }
        }
        Condition::In { .. } | Condition::InQuery { .. } | Condition::Includes { .. } => false,
    }
}
