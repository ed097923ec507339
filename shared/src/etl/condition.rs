//! Row checks in the words of the one language of expressions.

use super::check::{ColumnTest, RowCheck};
use super::kind::ColumnKind;
use super::rule::Scalar;

/// One `@`, something before it, and a name with a dot behind it. Whether mail arrives is not asked.
const EMAIL: &str = "^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$";
const URL: &str = "^https?://[^[:space:]/]+(/[^[:space:]]*)?$";
const UUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
/// Source: Salesforce SOAP API guide, "ID field type".
const SALESFORCE_ID: &str = "^[0-9A-Za-z]{15}([0-9A-Z]{3})?$";

/// Tells what a column holds; `None` when there is none of the name.
pub type Kinds<'a> = &'a dyn Fn(&str) -> Option<ColumnKind>;

impl RowCheck {
    /// Returns the expression that is false for the rows that break it.
    ///
    /// # Errors
    ///
    /// A column that is not there or holds something else, or a value that does not fit its column.
    pub fn expression(&self, kinds: Kinds<'_>) -> Result<String, String> {
        match self {
            Self::Column(test, column) => of_test(*test, column, kinds),
            Self::AcceptedValues { column, values, ignores_case: true } => {
                text(column, kinds)?;
                let small = values.iter().map(|it| quoted(&it.to_string().to_lowercase()));
                let list = small.collect::<Vec<_>>().join(", ");
                Ok(format!("lower({}) IN ({list})", name(column)))
            }
            Self::AcceptedValues { column, values, .. } => {
                let kind = kind_of(column, kinds)?;
                Ok(format!("{} IN ({})", name(column), literals(values, kind)?))
            }
            Self::RefusedValues { column, values } => {
                let kind = kind_of(column, kinds)?;
                Ok(format!("{} NOT IN ({})", name(column), literals(values, kind)?))
            }
            Self::Range { column, min, max } => {
                let kind = kind_of(column, kinds)?;
                let side = |operator, bound: &Option<Scalar>| {
                    let bound = bound.as_ref().map(|it| literal(it, kind)).transpose()?;
                    Ok::<_, String>(bound.map(|it| format!("{} {operator} {it}", name(column))))
                };
                Ok(both(side(">=", min)?, side("<=", max)?))
            }
            Self::Length { column, min, max } => {
                text(column, kinds)?;
                let length = format!("character_length({})", name(column));
                let min = min.map(|it| format!("{length} >= {it}"));
                Ok(both(min, max.map(|it| format!("{length} <= {it}"))))
            }
            Self::Pattern { column, pattern, is_wanted } => {
                text(column, kinds)?;
                let not = if *is_wanted { "" } else { "NOT " };
                Ok(format!("{not}{}", matches(column, pattern)))
            }
            Self::Compare { left, operator, right } => {
                let _ = (kind_of(left, kinds)?, kind_of(right, kinds)?);
                Ok(format!("{} {} {}", name(left), operator.as_str(), name(right)))
            }
            Self::AtLeastOne(columns) => {
                let there = columns.iter().map(|it| is_there(it, kinds));
                Ok(there.collect::<Result<Vec<_>, _>>()?.join(" OR "))
            }
            Self::ExactlyOne(columns) => {
                let there = columns.iter().map(|it| is_there(it, kinds));
                let there: Vec<String> = there.collect::<Result<_, _>>()?;
                let ones = there.iter().map(|it| format!("CASE WHEN {it} THEN 1 ELSE 0 END"));
                Ok(format!("{} = 1", ones.collect::<Vec<_>>().join(" + ")))
            }
            Self::Expression(expression) => Ok(expression.clone()),
        }
    }
}

impl RowCheck {
    /// Says what is wrong with a row that breaks it.
    pub(super) fn complaint(&self) -> String {
        let side = |word: &str, it: &Option<Scalar>| {
            it.as_ref().map(|it| format!("{word} {it}")).unwrap_or_default()
        };
        match self {
            Self::Column(test, _) => match test {
                ColumnTest::NotNull => "has no value",
                ColumnTest::Null => "has a value",
                ColumnTest::NotBlank => "is only spaces",
                ColumnTest::Trimmed => "has spaces around it",
                ColumnTest::Email => "has not the form of an address of mail",
                ColumnTest::Url => "has not the form of an address of the web",
                ColumnTest::Uuid => "has not the form of a UUID",
                ColumnTest::SalesforceId => "has not the form of an id of Salesforce",
                ColumnTest::NotInFuture => "is in the future",
            }
            .to_owned(),
            Self::AcceptedValues { .. } => "is none of the accepted values".to_owned(),
            Self::RefusedValues { .. } => "is one of the refused values".to_owned(),
            Self::Range { min, max, .. } => {
                let sides = [side("at least", min), side("at most", max)];
                format!("must be {}", sides.join(" ").trim())
            }
            Self::Length { min, max, .. } => {
                let (min, max) = (min.unwrap_or(0), max.map(|it| format!(" to {it}")));
                format!("must have {min}{} characters", max.as_deref().unwrap_or(" or more"))
            }
            Self::Pattern { pattern, is_wanted: true, .. } => format!("does not match `{pattern}`"),
            Self::Pattern { pattern, .. } => format!("matches `{pattern}`"),
            Self::Compare { left, operator, right } => {
                format!("`{left}` must be {} `{right}`", operator.as_str())
            }
            Self::AtLeastOne(_) => "none of them has a value".to_owned(),
            Self::ExactlyOne(_) => "not exactly one of them has a value".to_owned(),
            Self::Expression(expression) => format!("must hold: {expression}"),
        }
    }
}

fn of_test(test: ColumnTest, column: &str, kinds: Kinds<'_>) -> Result<String, String> {
    let kind = kind_of(column, kinds)?;
    let it = name(column);
    let pattern = match test {
        ColumnTest::NotNull => return Ok(format!("{it} IS NOT NULL")),
        ColumnTest::Null => return Ok(format!("{it} IS NULL")),
        ColumnTest::NotInFuture if matches!(kind, ColumnKind::Date | ColumnKind::Instant) => {
            return Ok(format!("{it} <= now()"));
        }
        ColumnTest::NotInFuture => {
            return Err(format!("column `{column}` holds {kind}, and a date or instant is wanted"));
        }
        ColumnTest::NotBlank | ColumnTest::Trimmed => {
            text(column, kinds)?;
            let other = if test == ColumnTest::Trimmed { it.as_str() } else { "''" };
            let operator = if test == ColumnTest::Trimmed { "=" } else { "<>" };
            return Ok(format!("trim({it}) {operator} {other}"));
        }
        ColumnTest::Email => EMAIL,
        ColumnTest::Url => URL,
        ColumnTest::Uuid => UUID,
        ColumnTest::SalesforceId => SALESFORCE_ID,
    };
    text(column, kinds)?;
    Ok(matches(column, pattern))
}

fn kind_of(column: &str, kinds: Kinds<'_>) -> Result<ColumnKind, String> {
    kinds(column).ok_or_else(|| format!("there is no column `{column}` here"))
}

fn text(column: &str, kinds: Kinds<'_>) -> Result<(), String> {
    match kind_of(column, kinds)? {
        ColumnKind::Text => Ok(()),
        kind => Err(format!("column `{column}` holds {kind}, and text is wanted")),
    }
}

fn is_there(column: &str, kinds: Kinds<'_>) -> Result<String, String> {
    kind_of(column, kinds)?;
    Ok(format!("{} IS NOT NULL", name(column)))
}

fn matches(column: &str, pattern: &str) -> String {
    format!("regexp_like({}, {})", name(column), quoted(pattern))
}

fn both(left: Option<String>, right: Option<String>) -> String {
    match (left, right) {
        (Some(left), Some(right)) => format!("{left} AND {right}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "true".to_owned(),
    }
}

/// Writes the name of a column.
pub fn name(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literals(values: &[Scalar], kind: ColumnKind) -> Result<String, String> {
    let values: Result<Vec<_>, _> = values.iter().map(|it| literal(it, kind)).collect();
    Ok(values?.join(", "))
}

fn literal(value: &Scalar, kind: ColumnKind) -> Result<String, String> {
    let unfit = || format!("`{value}` does not fit a column that holds {kind}");
    Ok(match kind {
        ColumnKind::Text => quoted(&value.to_string()),
        ColumnKind::Bool => match value {
            Scalar::Bool(it) => it.to_string(),
            _ => return Err(unfit()),
        },
        ColumnKind::Long | ColumnKind::Float | ColumnKind::Decimal { .. } => {
            if !matches!(value, Scalar::Whole(_) | Scalar::Number(_)) {
                return Err(unfit());
            }
            format!("CAST({} AS {})", quoted(&value.to_string()), sql_type(kind))
        }
        ColumnKind::Date => {
            let day = value.to_string();
            crate::time::parse_day(&day).ok_or_else(unfit)?;
            format!("DATE {}", quoted(&day))
        }
        ColumnKind::Instant => {
            let at = crate::time::Timestamp::parse(&value.to_string()).map_err(|_| unfit())?;
            format!("TIMESTAMP {}", quoted(&at.to_string()))
        }
    })
}

/// A bound of a column of whole numbers may have a fraction: it is compared as a number.
fn sql_type(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Decimal { .. } => "DECIMAL(38,10)".to_owned(),
        _ => "DOUBLE".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::etl::check::Comparison;

    fn kinds(column: &str) -> Option<ColumnKind> {
        Some(match column {
            "name" | "it's \"x\"" => ColumnKind::Text,
            "fee" => ColumnKind::Decimal { precision: 18, scale: 2 },
            "opened" | "closed" => ColumnKind::Date,
            "open" => ColumnKind::Bool,
            _ => return None,
        })
    }

    fn of(check: &RowCheck) -> Result<String, String> {
        check.expression(&kinds)
    }

    #[test]
    fn checks_become_expressions() {
        let name = || "name".to_owned();
        for (check, expression) in [
            (RowCheck::Column(ColumnTest::NotNull, name()), r#""name" IS NOT NULL"#),
            (RowCheck::Column(ColumnTest::NotBlank, name()), r#"trim("name") <> ''"#),
            (
                RowCheck::Length { column: name(), min: Some(2), max: None },
                r#"character_length("name") >= 2"#,
            ),
            (
                RowCheck::Range {
                    column: "opened".to_owned(),
                    min: Some(Scalar::Text("2020-01-01".to_owned())),
                    max: None,
                },
                r#""opened" >= DATE '2020-01-01'"#,
            ),
            (
                RowCheck::Compare {
                    left: "closed".to_owned(),
                    operator: Comparison::GreaterOrEqual,
                    right: "opened".to_owned(),
                },
                r#""closed" >= "opened""#,
            ),
            (
                RowCheck::AtLeastOne(vec![name(), "fee".to_owned()]),
                r#""name" IS NOT NULL OR "fee" IS NOT NULL"#,
            ),
        ] {
            assert_eq!(of(&check).unwrap(), expression);
        }
    }

    #[test]
    fn what_does_not_fit_names_column_and_kind() {
        let values = vec![Scalar::Text("much".to_owned())];
        for (check, fault) in [
            (
                RowCheck::Column(ColumnTest::Email, "fee".to_owned()),
                "column `fee` holds decimal(18,2), and text is wanted",
            ),
            (RowCheck::Column(ColumnTest::Url, "nme".to_owned()), "there is no column `nme` here"),
            (
                RowCheck::RefusedValues { column: "fee".to_owned(), values },
                "`much` does not fit a column that holds decimal(18,2)",
            ),
        ] {
            assert_eq!(of(&check).unwrap_err(), fault);
        }
    }

    proptest! {
        #[test]
        fn no_value_gets_out_of_its_quotes(value in ".*") {
            let values = vec![Scalar::Text(value.clone())];
            let check = RowCheck::AcceptedValues { column: "name".to_owned(), values, ignores_case: false };
            let expression = of(&check).unwrap();
            let inner = expression.strip_prefix("\"name\" IN ('").and_then(|it| it.strip_suffix("')"));
            prop_assert_eq!(inner.unwrap().replace("''", "\u{0}").matches('\'').count(), 0);
            prop_assert_eq!(inner.unwrap().replace("''", "'"), value);
        }
    }
}
