//! Turns a remote value into ours and back: a small set of steps, each with a way back where it has
//! one. There is no code in a mapping.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::FieldValue;
use crate::ports::ColumnKind;

/// One step of a conversion. Inbound they run in the order they are written, outbound backwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Replaces words: the platform's on the left, ours on the right; others stay as they are.
    Lookup(BTreeMap<String, String>),
    /// Multiplies by this, such as 100 for an amount that is kept in cents.
    Scale(f64),
    /// Puts this before the text.
    Prefix(String),
    /// Writes lists with this between the parts, where the platform writes `;`.
    Separator(String),
    /// Turns true into false.
    Invert,
    /// In capital letters; one way.
    Upper,
    /// In small letters; one way.
    Lower,
    /// The day of an instant, in UTC; one way.
    Day,
    /// This, where there is no value; one way.
    Default(serde_json::Value),
}

/// The steps from a remote value to ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversion(Vec<Step>);

/// Why a value cannot be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconvertible {
    /// It is of another kind than the step takes.
    #[error("it holds no {wanted}")]
    WrongKind {
        /// What the step takes.
        wanted: &'static str,
    },
    /// The value here does not begin with the prefix that all of them have.
    #[error("it does not begin with the prefix of its mapping")]
    NoPrefix,
    /// The step has no way back.
    #[error("its conversion has no way back: give the field `direction: in`")]
    OneWay,
}

impl Conversion {
    /// Collects `steps`.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Tells whether a value stays as it is.
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// Names the first step that cannot be undone; `None` when a value survives the way there and
    /// back.
    pub fn one_way_step(&self) -> Option<&'static str> {
        self.0.iter().find_map(|step| match step {
            Step::Upper => Some("upper"),
            Step::Lower => Some("lower"),
            Step::Day => Some("day"),
            Step::Default(_) => Some("default"),
            Step::Lookup(words) if !is_one_to_one(words) => Some("lookup"),
            Step::Scale(factor) if *factor == 0.0 || !factor.is_finite() => Some("scale"),
            _ => None,
        })
    }

    /// Tells what our value holds where the remote one holds `kind`. Words stay what they are only
    /// as text.
    pub(super) fn kind_behind(&self, kind: ColumnKind) -> ColumnKind {
        self.0.iter().fold(kind, |kind, step| match (kind, step) {
            (ColumnKind::Datetime, Step::Day) => ColumnKind::Date,
            (
                ColumnKind::Date | ColumnKind::Datetime,
                Step::Lookup(_) | Step::Prefix(_) | Step::Separator(_) | Step::Upper | Step::Lower,
            ) => ColumnKind::Text,
            _ => kind,
        })
    }

    /// Converts a remote value into ours.
    ///
    /// # Errors
    ///
    /// [`Unconvertible`] when the value is of another kind than a step takes.
    pub fn to_local(&self, value: FieldValue) -> Result<FieldValue, Unconvertible> {
        self.0.iter().try_fold(value, forward)
    }

    /// Converts our value into a remote one.
    ///
    /// # Errors
    ///
    /// [`Unconvertible`] when the value is of another kind than a step takes, or a step has no way
    /// back.
    pub fn to_remote(&self, value: FieldValue) -> Result<FieldValue, Unconvertible> {
        self.0.iter().rev().try_fold(value, backward)
    }
}

fn is_one_to_one(words: &BTreeMap<String, String>) -> bool {
    let targets: std::collections::BTreeSet<_> = words.values().collect();
    // A word that is only on the right would come back as another one.
    let closed = words.values().all(|it| words.contains_key(it));
    let apart = words.values().all(|it| !words.contains_key(it));
    targets.len() == words.len() && (closed || apart)
}

fn forward(value: FieldValue, step: &Step) -> Result<FieldValue, Unconvertible> {
    if value.is_null() {
        return Ok(match step {
            Step::Default(default) => FieldValue::from_json(default).unwrap_or_default(),
            _ => value,
        });
    }
    match step {
        Step::Lookup(words) => {
            text(&value, |it| words.get(it).map_or_else(|| it.to_owned(), Clone::clone))
        }
        Step::Scale(factor) => number(&value, |it| it * factor),
        Step::Prefix(prefix) => text(&value, |it| format!("{prefix}{it}")),
        Step::Separator(between) => text(&value, |it| it.replace(';', between)),
        Step::Invert => flag(&value),
        Step::Upper => text(&value, str::to_uppercase),
        Step::Lower => text(&value, str::to_lowercase),
        Step::Day => text(&value, |it| it.get(..10).unwrap_or(it).to_owned()),
        Step::Default(_) => Ok(value),
    }
}

fn backward(value: FieldValue, step: &Step) -> Result<FieldValue, Unconvertible> {
    if value.is_null() {
        return Ok(value);
    }
    match step {
        Step::Lookup(words) => text(&value, |it| {
            let known = words.iter().find(|(_, ours)| ours.as_str() == it);
            known.map_or_else(|| it.to_owned(), |(theirs, _)| theirs.clone())
        }),
        Step::Scale(factor) => number(&value, |it| it / factor),
        Step::Prefix(prefix) => match value.as_text() {
            Some(it) => {
                let rest = it.strip_prefix(prefix.as_str()).ok_or(Unconvertible::NoPrefix)?;
                Ok(FieldValue::text(rest))
            }
            None => Err(Unconvertible::WrongKind { wanted: "text" }),
        },
        Step::Separator(between) => text(&value, |it| it.replace(between.as_str(), ";")),
        Step::Invert => flag(&value),
        Step::Upper | Step::Lower | Step::Day | Step::Default(_) => Err(Unconvertible::OneWay),
    }
}

fn text(value: &FieldValue, change: impl Fn(&str) -> String) -> Result<FieldValue, Unconvertible> {
    let text = value.as_text().ok_or(Unconvertible::WrongKind { wanted: "text" })?;
    Ok(FieldValue::text(&change(text)))
}

fn flag(value: &FieldValue) -> Result<FieldValue, Unconvertible> {
    match value {
        FieldValue::Bool(flag) => Ok(FieldValue::Bool(!flag)),
        _ => Err(Unconvertible::WrongKind { wanted: "true or false" }),
    }
}

#[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^53")]
fn number(value: &FieldValue, change: impl Fn(f64) -> f64) -> Result<FieldValue, Unconvertible> {
    let raw = match value {
        FieldValue::Int(whole) => *whole as f64,
        FieldValue::Float(part) => *part,
        _ => return Err(Unconvertible::WrongKind { wanted: "number" }),
    };
    // Fifteen digits are all that a number is sure of: so 0.1 × 3 ÷ 3 is 0.1 again.
    let changed = change(raw);
    let rounded = format!("{changed:.14e}").parse().unwrap_or(changed);
    Ok(FieldValue::number(rounded))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn conversion(yaml: &str) -> Conversion {
        Conversion::new(serde_saphyr::from_str(yaml).unwrap())
    }

    #[test]
    fn words_are_replaced_and_come_back() {
        let it = conversion("- lookup: {Closed Won: won, Closed Lost: lost}\n- prefix: 'SF '");
        assert_eq!(it.one_way_step(), None);
        let ours = it.to_local(FieldValue::text("Closed Won")).unwrap();
        assert_eq!(ours, FieldValue::text("SF won"));
        assert_eq!(it.to_remote(ours).unwrap(), FieldValue::text("Closed Won"));
        assert_eq!(it.to_remote(FieldValue::text("won")), Err(Unconvertible::NoPrefix));
    }

    #[test]
    fn lookup_that_maps_two_words_to_one_has_no_way_back() {
        assert_eq!(conversion("- lookup: {A: x, B: x}").one_way_step(), Some("lookup"));
        assert_eq!(conversion("- lookup: {A: B}").one_way_step(), None);
        assert_eq!(conversion("- lookup: {A: B, B: C}").one_way_step(), Some("lookup"));
        assert_eq!(conversion("- lookup: {A: B, B: A}").one_way_step(), None);
    }

    #[test]
    fn amounts_are_scaled_both_ways_without_dust() {
        let cents = conversion("- scale: 100");
        assert_eq!(cents.to_local(FieldValue::Float(19.99)).unwrap(), FieldValue::Int(1999));
        assert_eq!(cents.to_remote(FieldValue::Int(1999)).unwrap(), FieldValue::Float(19.99));
    }

    #[test]
    fn value_of_another_kind_is_refused() {
        let error = conversion("- invert").to_local(FieldValue::text("yes")).unwrap_err();
        assert_eq!(error, Unconvertible::WrongKind { wanted: "true or false" });
        let one_way = conversion("- upper").to_remote(FieldValue::text("A")).unwrap_err();
        assert_eq!(one_way, Unconvertible::OneWay);
    }

    #[test]
    fn default_stands_only_where_there_is_no_value() {
        let it = conversion("- default: none");
        assert_eq!(it.to_local(FieldValue::Null).unwrap(), FieldValue::text("none"));
        assert_eq!(it.to_local(FieldValue::text("a")).unwrap(), FieldValue::text("a"));
    }

    proptest! {
        #[test]
        fn conversions_with_a_way_back_lose_nothing(amount in -1_000_000_000_i64..1_000_000_000) {
            let it = conversion("- scale: 0.01\n- scale: 1000");
            let value = FieldValue::Int(amount);
            let back = it.to_remote(it.to_local(value.clone()).unwrap()).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
