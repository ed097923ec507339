//! The one language of expressions, with functions of many rows in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, plan_datafusion_err};
use datafusion_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion_expr::{AggregateUDF, Expr, ExprSchemable as _, cast};
use datafusion_functions_aggregate::average::avg_udaf;
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::planner::AggregateFunctionPlanner;
use datafusion_functions_aggregate::sum::sum_udaf;
use shared::etl::{ColumnKind, PlannedColumn};

use crate::pipelines::kinds::{data_type, kind_of, schema_of};
use crate::pipelines::language::{Language, Worked, deep, said};

/// The most digits of a whole number of 64 bits.
const LONG: ColumnKind = ColumnKind::Decimal { precision: 19, scale: 0 };

/// Reads expressions of groups.
pub(super) struct Grouped(Language);

/// What a function of many rows works on.
pub(super) enum Argument {
    /// The rows themselves, as `count(*)` does.
    Rows,
    /// What is worked out of each.
    Value(Worked),
}

/// A function of many rows that stands in an expression.
pub(super) struct FoundCall {
    pub(super) function: Arc<AggregateUDF>,
    pub(super) argument: Argument,
    pub(super) filter: Option<Worked>,
    pub(super) is_distinct: bool,
    /// What it gives, and how the expression of the group calls it.
    pub(super) column: PlannedColumn,
}

/// An expression of groups.
pub(super) struct Made {
    pub(super) calls: Vec<FoundCall>,
    /// What is worked out of the columns of a group and of what its calls give.
    pub(super) worked: Worked,
    /// The columns before the step that it looks at.
    pub(super) used: BTreeSet<String>,
    pub(super) shown: String,
}

/// What an expression of groups may look at.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The columns before the step.
    pub(super) columns: &'a [PlannedColumn],
    /// Those that make the group.
    pub(super) by: &'a [PlannedColumn],
    /// What calls of earlier expressions give.
    pub(super) calls: &'a [PlannedColumn],
}

impl Grouped {
    /// Adds the functions of many rows to `language`.
    pub(super) fn new(language: &Language) -> Self {
        let functions = [count_udaf(), sum_udaf(), avg_udaf(), min_udaf(), max_udaf()];
        Self(language.clone().with_aggregates(functions, Arc::new(AggregateFunctionPlanner)))
    }

    /// Works out an expression of groups.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write instead.
    pub(super) fn make(&self, text: &str, around: Around<'_>) -> Result<Made, String> {
        deep(|| self.work_out(text, around))
    }

    fn work_out(&self, text: &str, around: Around<'_>) -> Result<Made, String> {
        let Around { columns, by, calls: earlier } = around;
        let (expression, schema) = self.0.read(text, columns)?;
        let shown = expression.to_string();
        let used = expression.column_refs().into_iter().map(|it| it.name.clone()).collect();
        let (mut calls, mut fault) = (Vec::new(), None);
        let parted = expression.transform_down(|it| {
            let Expr::AggregateFunction(call) = it else { return Ok(Transformed::no(it)) };
            let name = format!("\0call{}", earlier.len() + calls.len());
            match self.call(call, name, &schema, columns) {
                Ok((found, replaced)) => {
                    calls.push(found);
                    Ok(Transformed::new(replaced, true, TreeNodeRecursion::Jump))
                }
                Err(text) => {
                    fault = Some(text);
                    Err(plan_datafusion_err!("a fault"))
                }
            }
        });
        let expression = match (parted, fault) {
            (_, Some(fault)) => return Err(fault),
            (Err(error), None) => return Err(said(&error, columns)),
            (Ok(it), None) => it.data,
        };
        let mut known = by.to_vec();
        known.extend_from_slice(earlier);
        known.extend(calls.iter().map(|it: &FoundCall| it.column.clone()));
        let seen = expression.column_refs().into_iter();
        if let Some(name) =
            seen.map(|it| &it.name).find(|it| !known.iter().any(|one| one.name == **it))
        {
            return Err(format!(
                "`{name}` differs within a group: write such as `max({name})`, or name it in `by`"
            ));
        }
        let schema = DFSchema::try_from(schema_of(&known)).map_err(|error| said(&error, &known))?;
        let worked = self.0.typed(expression, &schema, &known)?;
        Ok(Made { calls, worked, used, shown })
    }

    /// Works out one call, and what stands in its place in the expression of the group.
    fn call(
        &self,
        call: AggregateFunction,
        name: String,
        schema: &DFSchema,
        columns: &[PlannedColumn],
    ) -> Result<(FoundCall, Expr), String> {
        let gives = Expr::AggregateFunction(call.clone()).get_type(schema);
        let gives = gives.map_err(|error| said(&error, columns))?;
        let AggregateFunction { func: function, params } = call;
        let AggregateFunctionParams { mut args, distinct, filter, order_by, null_treatment } =
            params;
        let called = function.name().to_owned();
        if !order_by.is_empty() || null_treatment.is_some() {
            return Err(format!("`{called}` has no order and no word on missing values here"));
        }
        if distinct && called != "count" {
            return Err(format!("`{called}` takes no `DISTINCT`: only `count` does"));
        }
        let (Some(value), true) = (args.pop(), args.is_empty()) else {
            return Err(format!("`{called}` takes one value"));
        };
        if has_call(&value) || filter.as_deref().is_some_and(has_call) {
            return Err(format!(
                "`{called}` looks at many rows that look at many rows: part it by steps"
            ));
        }
        let argument = match value {
            Expr::Literal(it, _) if called == "count" && !it.is_null() => Argument::Rows,
            value => {
                // 64 bits would run over without a word; what is no whole number in the end is rejected.
                let found = value.get_type(schema).map_err(|error| said(&error, columns))?;
                let is_long = called == "sum" && kind_of(&found) == Some(ColumnKind::Long);
                let value = if is_long { cast(value, data_type(LONG)) } else { value };
                Argument::Value(self.0.typed(value, schema, columns)?)
            }
        };
        let taken = match &argument {
            Argument::Rows => ColumnKind::Long,
            Argument::Value(worked) => worked.kind,
        };
        let found = function.return_type(&[data_type(taken)]).map_err(|it| said(&it, columns))?;
        let kind = kind_of(&found).ok_or_else(|| format!("`{called}` gives {found} here"))?;
        let filter = filter.map(|it| self.0.typed(*it, schema, columns)).transpose()?;
        if let Some(it) = filter.as_ref().filter(|it| it.kind != ColumnKind::Bool) {
            return Err(format!("`FILTER` gives {}, and true or false is wanted", it.kind));
        }
        let replaced = Expr::Column(Column::new_unqualified(name.clone()));
        let replaced = match data_type(kind) == gives {
            true => replaced,
            false => cast(replaced, gives),
        };
        let column = PlannedColumn { name, kind };
        Ok((FoundCall { function, argument, filter, is_distinct: distinct, column }, replaced))
    }
}

fn has_call(expression: &Expr) -> bool {
    expression.exists(|it| Ok(matches!(it, Expr::AggregateFunction(_)))).unwrap_or(true)
}
