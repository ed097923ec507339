//! The checks of rules as they are written.

use super::places;
use crate::config::parse_duration;
use crate::etl::check::{Bounds, Check, ColumnTest, Comparison, Figure, ReferenceSet, RowCheck};
use crate::etl::fault::{Faults, no_such_name};
use crate::etl::kind::{ColumnKind, SourceColumn};
use crate::etl::rule::Scalar;
use crate::etl::yaml::At;

const OTHERS: &[&str] = &[
    "accepted_values",
    "refused_values",
    "range",
    "length",
    "regex",
    "not_regex",
    "compare",
    "at_least_one",
    "exactly_one",
    "expression",
    "unique",
    "reference",
    "row_count",
    "freshness",
    "null_percent",
    "distinct_count",
    "mean",
    "sum",
    "row_count_drift",
    "mean_drift",
    "distribution_drift",
];

/// Reads the check `name`.
pub(super) fn check(name: &str, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Check> {
    if let Some(test) = ColumnTest::ALL.into_iter().find(|it| it.as_str() == name) {
        return Some(Check::Row(RowCheck::Column(test, at.text(faults)?)));
    }
    match name {
        "unique" => unique(at, faults),
        "reference" => reference(at, faults),
        "row_count" => {
            at.keys(&["min", "max"], faults);
            bounds(at, faults).map(Check::RowCount)
        }
        "freshness" => freshness(at, faults),
        "null_percent" => figure(Figure::NullPercent, at, faults),
        "distinct_count" => figure(Figure::DistinctCount, at, faults),
        "mean" => figure(Figure::Mean, at, faults),
        "sum" => figure(Figure::Sum, at, faults),
        "row_count_drift" => {
            at.keys(&["max_percent"], faults);
            Some(Check::RowCountDrift { max_percent: limit(at, "max_percent", faults)? })
        }
        "mean_drift" => {
            at.keys(&["column", "max_deviations"], faults);
            let max_deviations = limit(at, "max_deviations", faults)?;
            Some(Check::MeanDrift { column: column(at, faults)?, max_deviations })
        }
        "distribution_drift" => {
            at.keys(&["column", "max_index"], faults);
            let max_index = limit(at, "max_index", faults)?;
            Some(Check::DistributionDrift { column: column(at, faults)?, max_index })
        }
        _ => row(name, at, faults).map(Check::Row),
    }
}

fn column(at: &At<'_>, faults: &mut Faults<'_>) -> Option<String> {
    at.need("column", faults)?.text(faults)
}

fn limit(at: &At<'_>, key: &str, faults: &mut Faults<'_>) -> Option<f64> {
    let limit = at.need(key, faults)?;
    let number = limit.number(faults)?;
    if number < 0.0 {
        limit.fault(faults, "write 0 or more");
        return None;
    }
    Some(number)
}

fn row(name: &str, at: &At<'_>, faults: &mut Faults<'_>) -> Option<RowCheck> {
    Some(match name {
        "accepted_values" => {
            at.keys(&["column", "values", "ignore_case"], faults);
            let ignores_case = at.get("ignore_case").map(|it| it.flag(faults));
            RowCheck::AcceptedValues {
                column: column(at, faults)?,
                values: values(at, faults)?,
                ignores_case: ignores_case.unwrap_or(Some(false))?,
            }
        }
        "refused_values" => {
            at.keys(&["column", "values"], faults);
            RowCheck::RefusedValues { column: column(at, faults)?, values: values(at, faults)? }
        }
        "range" => range(at, faults)?,
        "length" => length(at, faults)?,
        "regex" | "not_regex" => {
            at.keys(&["column", "pattern"], faults);
            RowCheck::Pattern {
                column: column(at, faults)?,
                pattern: at.need("pattern", faults)?.text(faults)?,
                is_wanted: name == "regex",
            }
        }
        "compare" => compare(at, faults)?,
        "at_least_one" => RowCheck::AtLeastOne(at.texts(faults)?),
        "exactly_one" => RowCheck::ExactlyOne(at.texts(faults)?),
        "expression" => RowCheck::Expression(at.text(faults)?),
        other => {
            let mut known: Vec<&str> = ColumnTest::ALL.iter().map(|it| it.as_str()).collect();
            known.extend(OTHERS);
            at.fault(faults, no_such_name("check", other, &known));
            return None;
        }
    })
}

fn values(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Vec<Scalar>> {
    let values = at.need("values", faults)?;
    let items = values.items();
    if items.is_empty() {
        values.fault(faults, "is empty: write at least one value");
        return None;
    }
    items.iter().map(|it| it.scalar(faults)).collect()
}

fn range(at: &At<'_>, faults: &mut Faults<'_>) -> Option<RowCheck> {
    at.keys(&["column", "min", "max"], faults);
    let mut side = |key| at.get(key).map(|it| it.scalar(faults));
    let (min, max) = (side("min"), side("max"));
    if min.is_none() && max.is_none() {
        at.fault(faults, "needs `min` or `max`");
        return None;
    }
    let column = column(at, faults)?;
    Some(RowCheck::Range { column, min: min.unwrap_or_default(), max: max.unwrap_or_default() })
}

fn length(at: &At<'_>, faults: &mut Faults<'_>) -> Option<RowCheck> {
    at.keys(&["column", "min", "max"], faults);
    let mut side = |key| at.get(key).map(|it| it.count(faults));
    let (min, max) = (side("min"), side("max"));
    if min.is_none() && max.is_none() {
        at.fault(faults, "needs `min` or `max`");
        return None;
    }
    let column = column(at, faults)?;
    Some(RowCheck::Length { column, min: min.unwrap_or_default(), max: max.unwrap_or_default() })
}

fn compare(at: &At<'_>, faults: &mut Faults<'_>) -> Option<RowCheck> {
    at.keys(&["left", "is", "right"], faults);
    let left = at.need("left", faults)?.text(faults)?;
    let right = at.need("right", faults)?.text(faults)?;
    let is = at.need("is", faults)?;
    let operator = Comparison::parse(&is.text(faults)?);
    if operator.is_none() {
        is.fault(faults, "write one of `=`, `<>`, `<`, `<=`, `>` and `>=`");
    }
    Some(RowCheck::Compare { left, operator: operator?, right })
}

fn unique(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Check> {
    let max_keys = Check::DEFAULT_MAX_KEYS;
    if at.get("columns").is_none() {
        return Some(Check::Unique { columns: at.texts(faults)?, is_sorted: false, max_keys });
    }
    at.keys(&["columns", "sorted", "max_keys"], faults);
    let is_sorted = at.get("sorted").map(|it| it.flag(faults));
    let max_keys = at.get("max_keys").map_or(Some(max_keys), |it| it.count(faults))?;
    let columns = at.need("columns", faults)?.texts(faults)?;
    Some(Check::Unique { columns, is_sorted: is_sorted.unwrap_or(Some(false))?, max_keys })
}

fn reference(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Check> {
    at.keys(&["column", "to", "max_keys"], faults);
    let max_keys = at.get("max_keys");
    let max_keys = max_keys.map_or(Some(Check::DEFAULT_MAX_KEYS), |it| it.count(faults))?;
    let column = column(at, faults)?;
    let (place, form, name) = places::reference(&at.need("to", faults)?, faults)?;
    // The engine reads it in the kind of the column that refers to it.
    let there = SourceColumn::new(name, ColumnKind::Text);
    Some(Check::Reference { column, to: ReferenceSet { at: place, form, column: there }, max_keys })
}

fn freshness(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Check> {
    at.keys(&["column", "max_age"], faults);
    let column = column(at, faults)?;
    let age = at.need("max_age", faults)?;
    let raw = age.text(faults)?;
    let max_age =
        parse_duration(&raw).map_err(|error| age.fault(faults, error.to_string())).ok()?;
    Some(Check::Freshness { column, max_age })
}

fn figure(figure: Figure, at: &At<'_>, faults: &mut Faults<'_>) -> Option<Check> {
    at.keys(&["column", "min", "max"], faults);
    Some(Check::Figure { column: column(at, faults)?, figure, bounds: bounds(at, faults)? })
}

fn bounds(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Bounds> {
    let mut side = |key| match at.get(key) {
        Some(it) => it.number(faults).map(Some),
        None => Some(None),
    };
    let bounds = Bounds { min: side("min")?, max: side("max")? };
    if bounds == Bounds::default() {
        at.fault(faults, "needs `min` or `max`");
        return None;
    }
    Some(bounds)
}
