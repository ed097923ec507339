//! Expressions of the one language in SQL of Snowflake.

use std::collections::BTreeSet;

use arrow_schema::DataType;
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::expr::{Between, Case, InList, Like};
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable as _, Operator};
use shared::etl::ColumnKind;

use super::functions::{call, matched};
use super::sql::{Sql, as_text, name, text, type_name};
use crate::pipelines::kinds::kind_of;

/// The whole numbers of 64 bits.
const LONG: &str = "BETWEEN -9223372036854775808 AND 9223372036854775807";
/// Digits that a binary number of 64 bits always holds.
const EXACT_DIGITS: u8 = 15;
/// The most digits behind the point of a product that Snowflake does not round. Source: Snowflake,
/// "Arithmetic operators", scale and precision.
const MAX_SCALE: u8 = 12;

/// Translates expressions over the columns of a schema. They are typed, with every conversion in them.
pub(super) struct Translator<'a> {
    pub(super) schema: &'a DFSchema,
    /// What works out as here but for rare values.
    pub(super) notes: &'a mut BTreeSet<String>,
}

impl Translator<'_> {
    /// Translates one.
    ///
    /// # Errors
    ///
    /// What of it is not the same in Snowflake.
    pub(super) fn expression(&mut self, it: &Expr) -> Result<Sql, String> {
        match it {
            Expr::Alias(it) => self.expression(&it.expr),
            Expr::Column(it) => Ok(Sql::sure(name(&it.name))),
            Expr::Literal(value, _) => literal(value).map(Sql::sure),
            Expr::Not(it) => self.around(it, |it| format!("(NOT {it})")),
            Expr::IsNull(it) | Expr::IsUnknown(it) => {
                self.around(it, |it| format!("({it} IS NULL)"))
            }
            Expr::IsNotNull(it) | Expr::IsNotUnknown(it) => {
                self.around(it, |it| format!("({it} IS NOT NULL)"))
            }
            Expr::IsTrue(it) => self.around(it, |it| format!("COALESCE({it}, FALSE)")),
            Expr::IsNotTrue(it) => self.around(it, |it| format!("(NOT COALESCE({it}, FALSE))")),
            Expr::IsFalse(it) => self.around(it, |it| format!("(NOT COALESCE({it}, TRUE))")),
            Expr::IsNotFalse(it) => self.around(it, |it| format!("COALESCE({it}, TRUE)")),
            Expr::Negative(inner) => {
                let mut sql = self.around(inner, |it| format!("(- {it})"))?;
                if self.kind(it)? == ColumnKind::Long {
                    sql.faults.push(format!("NOT ({} {LONG})", sql.text));
                }
                Ok(sql)
            }
            Expr::BinaryExpr(it) => self.binary(it),
            Expr::Between(it) => self.between(it),
            Expr::InList(it) => self.in_list(it),
            Expr::Like(it) => self.like(it),
            Expr::Case(it) => self.case(it),
            Expr::Cast(it) => {
                let from = self.kind(&it.expr)?;
                let sql = self.expression(&it.expr)?;
                converted(sql, from, kind_of_type(it.field.data_type())?)
            }
            Expr::ScalarFunction(it) => call(self, it.func.name(), &it.args),
            other => Err(format!("`{other}` is not compiled")),
        }
    }

    /// Returns what an expression gives.
    pub(super) fn kind(&self, it: &Expr) -> Result<ColumnKind, String> {
        let found = it.get_type(self.schema).map_err(|error| error.strip_backtrace())?;
        kind_of_type(&found)
    }

    fn around(&mut self, it: &Expr, make: impl Fn(&str) -> String) -> Result<Sql, String> {
        let Sql { text, faults } = self.expression(it)?;
        Ok(Sql { text: make(&text), faults })
    }

    /// Translates several, and gathers their faults.
    pub(super) fn all<'e>(
        &mut self,
        list: impl IntoIterator<Item = &'e Expr>,
    ) -> Result<(Vec<String>, Vec<String>), String> {
        let (mut texts, mut faults) = (Vec::new(), Vec::new());
        for it in list {
            let sql = self.expression(it)?;
            texts.push(sql.text);
            faults.extend(sql.faults);
        }
        Ok((texts, faults))
    }

    fn binary(&mut self, it: &BinaryExpr) -> Result<Sql, String> {
        let BinaryExpr { left, op, right } = it;
        if let Operator::RegexMatch | Operator::RegexNotMatch = op {
            let sql = matched(self, left, right)?;
            return Ok(match op {
                Operator::RegexMatch => sql,
                _ => Sql { text: format!("(NOT {})", sql.text), faults: sql.faults },
            });
        }
        let (one, two) = (self.expression(left)?, self.expression(right)?);
        let faults = [one.faults.clone(), two.faults.clone()].concat();
        let plain = |operator: &str| {
            let text = format!("({} {operator} {})", one.text, two.text);
            Ok(Sql { text, faults: faults.clone() })
        };
        match op {
            Operator::Eq => plain("="),
            Operator::NotEq => plain("<>"),
            Operator::Lt => plain("<"),
            Operator::LtEq => plain("<="),
            Operator::Gt => plain(">"),
            Operator::GtEq => plain(">="),
            Operator::StringConcat => plain("||"),
            Operator::IsDistinctFrom => plain("IS DISTINCT FROM"),
            Operator::IsNotDistinctFrom => plain("IS NOT DISTINCT FROM"),
            Operator::And => {
                Ok(guarded(&one, &two, "AND", format!("COALESCE({}, TRUE)", one.text)))
            }
            Operator::Or => {
                Ok(guarded(&one, &two, "OR", format!("NOT COALESCE({}, FALSE)", one.text)))
            }
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                self.sum(it, &one, &two, faults)
            }
            Operator::Divide | Operator::Modulo => self.part(it, &one, &two, faults),
            other => Err(format!("the operator `{other}` is not compiled")),
        }
    }

    /// Adds, takes away and multiplies.
    fn sum(
        &self,
        it: &BinaryExpr,
        one: &Sql,
        two: &Sql,
        mut faults: Vec<String>,
    ) -> Result<Sql, String> {
        let whole = Expr::BinaryExpr(it.clone());
        let (left, right) = (self.kind(&it.left)?, self.kind(&it.right)?);
        let text = format!("({} {} {})", one.text, it.op, two.text);
        match (left, right, self.kind(&whole)?) {
            (ColumnKind::Date, ColumnKind::Date, ColumnKind::Long) if it.op == Operator::Minus => {
                let text = format!("DATEDIFF('day', {}, {})", two.text, one.text);
                Ok(Sql { text, faults })
            }
            (ColumnKind::Long, ColumnKind::Long, ColumnKind::Long) => {
                if whole.get_type(self.schema).ok() != Some(DataType::Int64) {
                    return Err(format!(
                        "`{whole}` is of less than 64 bits: write `CAST(… AS BIGINT)`"
                    ));
                }
                let (one, two) = (long(&one.text), long(&two.text));
                let text = format!("({one} {} {two})", it.op);
                faults.push(format!("NOT ({text} {LONG})"));
                let text = format!("CASE WHEN {text} {LONG} THEN {text} END");
                Ok(Sql { text, faults })
            }
            (ColumnKind::Float, ColumnKind::Float, ColumnKind::Float) => Ok(Sql { text, faults }),
            (
                ColumnKind::Decimal { scale: one, .. },
                ColumnKind::Decimal { scale: two, .. },
                kind @ ColumnKind::Decimal { scale, .. },
            ) => {
                let exact = if it.op == Operator::Multiply { one + two } else { one.max(two) };
                if exact != scale || (it.op == Operator::Multiply && exact > MAX_SCALE) {
                    return Err(format!(
                        "`{whole}` has more digits behind the point than Snowflake keeps"
                    ));
                }
                Ok(Sql { text: format!("CAST({text} AS {})", type_name(kind)), faults })
            }
            (left, right, _) => Err(format!("`{}` of {left} and {right} is not compiled", it.op)),
        }
    }

    /// Divides, and gives the rest.
    fn part(
        &self,
        it: &BinaryExpr,
        one: &Sql,
        two: &Sql,
        mut faults: Vec<String>,
    ) -> Result<Sql, String> {
        let kinds = (self.kind(&it.left)?, self.kind(&it.right)?);
        let (one, two) = (&one.text, &two.text);
        match kinds {
            (ColumnKind::Long, ColumnKind::Long) => {
                faults.push(format!("({one} IS NOT NULL AND {two} = 0)"));
                let rest = format!("MOD({}, NULLIF({}, 0))", long(one), long(two));
                if it.op == Operator::Modulo {
                    return Ok(Sql { text: rest, faults });
                }
                // Snowflake divides with a fraction, and rounds it: what is divided leaves none.
                let text = format!("(({} - {rest}) / NULLIF({}, 0))", long(one), long(two));
                faults.push(format!("NOT ({text} {LONG})"));
                Ok(Sql { text: format!("CAST({text} AS NUMBER(38,0))"), faults })
            }
            (ColumnKind::Float, ColumnKind::Float)
                if it.op == Operator::Divide && is_not_zero(&it.right) =>
            {
                Ok(Sql { text: format!("({one} / {two})"), faults })
            }
            (left, right) => Err(format!(
                "`{}` of {left} and {right} gives other digits there: divide whole numbers, or a \
                 `float` by a number",
                it.op
            )),
        }
    }

    fn between(&mut self, it: &Between) -> Result<Sql, String> {
        let (texts, faults) = self.all([&*it.expr, &*it.low, &*it.high])?;
        let [value, low, high] = texts.as_slice() else { return Err("BETWEEN".to_owned()) };
        let not = if it.negated { "NOT " } else { "" };
        Ok(Sql { text: format!("({value} {not}BETWEEN {low} AND {high})"), faults })
    }

    fn in_list(&mut self, it: &InList) -> Result<Sql, String> {
        let value = self.expression(&it.expr)?;
        let (list, faults) = self.all(&it.list)?;
        let not = if it.negated { "NOT " } else { "" };
        let text = format!("({} {not}IN ({}))", value.text, list.join(", "));
        Ok(Sql { text, faults: [value.faults, faults].concat() })
    }

    fn like(&mut self, it: &Like) -> Result<Sql, String> {
        let Expr::Literal(pattern, _) = &*it.pattern else {
            return Err("LIKE with a pattern that is no text of its own is not compiled".to_owned());
        };
        let Some(Some(pattern)) = pattern.try_as_str() else {
            return Err("LIKE without a pattern is not compiled".to_owned());
        };
        if it.case_insensitive || it.escape_char.is_some_and(|it| it != '\\') {
            return Err("ILIKE and ESCAPE are not compiled: write `lower(…) LIKE`".to_owned());
        }
        let value = self.expression(&it.expr)?;
        let not = if it.negated { "NOT " } else { "" };
        let escape = if pattern.contains('\\') { " ESCAPE '\\\\'" } else { "" };
        let text = format!("({} {not}LIKE {}{escape})", value.text, text(pattern));
        Ok(Sql { text, faults: value.faults })
    }

    fn case(&mut self, it: &Case) -> Result<Sql, String> {
        let base = it.expr.as_ref().map(|it| self.expression(it)).transpose()?;
        let mut faults = base.as_ref().map(|it| it.faults.clone()).unwrap_or_default();
        let mut before: Vec<String> = Vec::new();
        let mut branches = String::new();
        for (when, then) in &it.when_then_expr {
            let when = self.expression(when)?;
            let condition = match &base {
                Some(base) => format!("({} = {})", base.text, when.text),
                None => when.text,
            };
            faults.extend(when.faults.iter().map(|it| behind(&before, it)));
            let then = self.expression(then)?;
            let mut here = before.clone();
            here.push(format!("COALESCE({condition}, FALSE)"));
            faults.extend(then.faults.iter().map(|it| behind(&here, it)));
            before.push(format!("NOT COALESCE({condition}, FALSE)"));
            branches.push_str(&format!(" WHEN {condition} THEN {}", then.text));
        }
        if let Some(other) = &it.else_expr {
            let other = self.expression(other)?;
            faults.extend(other.faults.iter().map(|it| behind(&before, it)));
            branches.push_str(&format!(" ELSE {}", other.text));
        }
        Ok(Sql { text: format!("CASE{branches} END"), faults })
    }
}

/// Says that a fault is one only where all of `conditions` hold: what is not worked out cannot fail.
pub(super) fn behind(conditions: &[String], fault: &str) -> String {
    match conditions {
        [] => fault.to_owned(),
        all => format!("({} AND {fault})", all.join(" AND ")),
    }
}

fn guarded(one: &Sql, two: &Sql, operator: &str, guard: String) -> Sql {
    let guard = [guard];
    let mut faults = one.faults.clone();
    faults.extend(two.faults.iter().map(|it| behind(&guard, it)));
    Sql { text: format!("({} {operator} {})", one.text, two.text), faults }
}

/// Gives a whole number room for sums and products.
fn long(text: &str) -> String {
    format!("CAST({text} AS NUMBER(38,0))")
}

fn is_not_zero(it: &Expr) -> bool {
    matches!(it, Expr::Literal(ScalarValue::Float64(Some(value)), _) if *value != 0.0)
}

/// Converts a value.
///
/// # Errors
///
/// That Snowflake would make another value of it.
pub(super) fn converted(sql: Sql, from: ColumnKind, to: ColumnKind) -> Result<Sql, String> {
    use ColumnKind::{Bool, Date, Decimal, Float, Instant, Long, Text};
    let Sql { text, mut faults } = sql;
    let cast = |text: &str| format!("CAST({text} AS {})", type_name(to));
    let text = match (from, to) {
        (from, to) if from == to => text,
        (Long, Float) | (Date, Instant) | (Instant, Date) => cast(&text),
        (Decimal { precision, .. }, Float) if precision <= EXACT_DIGITS => cast(&text),
        (Long, Decimal { precision, scale }) => {
            let bound = format!("1{}", "0".repeat(usize::from(precision - scale)));
            faults.push(format!("ABS({text}) >= {bound}"));
            format!("CASE WHEN ABS({text}) < {bound} THEN {} END", cast(&text))
        }
        (Decimal { precision: p, scale: s }, Decimal { precision, scale })
            if scale >= s && precision - scale >= p - s =>
        {
            cast(&text)
        }
        (Long | Bool | Date | Decimal { .. }, Text) => as_text(&text, from),
        (Text, to) => {
            return Err(format!(
                "text is read as {to} in other ways there: let the table hold {to}"
            ));
        }
        (from, to) => return Err(format!("Snowflake makes another {to} of a {from}")),
    };
    Ok(Sql { text, faults })
}

fn kind_of_type(found: &DataType) -> Result<ColumnKind, String> {
    kind_of(found).ok_or_else(|| format!("{found} is not compiled"))
}

/// Writes a value.
fn literal(value: &ScalarValue) -> Result<String, String> {
    let found = value.data_type();
    if value.is_null() {
        return Ok(match kind_of(&found) {
            Some(kind) => format!("CAST(NULL AS {})", type_name(kind)),
            None => "NULL".to_owned(),
        });
    }
    if let Some(Some(raw)) = value.try_as_str() {
        return Ok(text(raw));
    }
    let kind = kind_of_type(&found)?;
    let array = value.to_array().map_err(|error| error.strip_backtrace())?;
    let array =
        datafusion_common::arrow::compute::cast(&array, &crate::pipelines::kinds::data_type(kind));
    let array = array.map_err(|error| error.to_string())?;
    let raw = crate::pipelines::text::text_of(&array, 0);
    let raw = raw.ok_or_else(|| format!("`{value}` is not compiled"))?;
    Ok(match kind {
        ColumnKind::Bool => raw.to_uppercase(),
        ColumnKind::Long => raw,
        ColumnKind::Instant => {
            let local = raw.replace('T', " ").replace('Z', "");
            format!("CAST({} AS {})", text(&local), type_name(kind))
        }
        ColumnKind::Float if matches!(&*raw, "inf" | "-inf" | "NaN") => {
            return Err(format!("`{value}` is not compiled"));
        }
        ColumnKind::Float | ColumnKind::Decimal { .. } => {
            format!("CAST({raw} AS {})", type_name(kind))
        }
        ColumnKind::Date | ColumnKind::Text => {
            format!("CAST({} AS {})", text(&raw), type_name(kind))
        }
    })
}
