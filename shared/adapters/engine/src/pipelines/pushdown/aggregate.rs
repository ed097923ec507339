//! Groups of rows.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, plan_datafusion_err};
use datafusion_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion_expr::{Expr, ExprSchemable as _};
use datafusion_functions_aggregate::count::count_udaf;
use datafusion_functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion_functions_aggregate::planner::AggregateFunctionPlanner;
use datafusion_functions_aggregate::sum::sum_udaf;
use shared::etl::report::built_in;
use shared::etl::{Aggregate, ColumnKind, PlannedColumn};

use super::expression::{Translator, converted};
use super::sql::{Sql, any, as_text, name, type_name};
use super::steps::{KEY, Walk, flag};
use crate::pipelines::kinds::{kind_of, schema_of};
use crate::pipelines::language::deep;

/// The whole numbers of 64 bits.
const LONG: &str = "BETWEEN -9223372036854775808 AND 9223372036854775807";

/// A function of many rows, and the column that it becomes.
struct Call {
    sql: String,
    column: PlannedColumn,
    /// Conditions of rows for which its arguments cannot be worked out.
    faults: Vec<String>,
}

impl Walk<'_> {
    /// Translates an aggregate.
    ///
    /// # Errors
    ///
    /// What of it is not the same there.
    pub(super) fn aggregate(
        &mut self,
        it: &Aggregate,
        behind: &[PlannedColumn],
    ) -> Result<(), String> {
        let before = self.columns.clone();
        let by = it.by.iter().filter_map(|it| before.iter().find(|column| column.name == *it));
        let by: Vec<PlannedColumn> = by.cloned().collect();
        let (mut calls, mut made) = (Vec::new(), Vec::new());
        for (_, text) in &it.make {
            let (expression, schema) = self.read_groups(text)?;
            made.push(self.calls(expression, &schema, &mut calls)?);
        }
        self.reject_rows(&calls);
        let names: Vec<String> = by.iter().map(|it| name(&it.name)).collect();
        let selected = calls.iter().map(|it| format!("{} AS {}", it.sql, name(&it.column.name)));
        let selected: Vec<String> = names.iter().cloned().chain(selected).collect();
        let last = self.last();
        let grouped = match names.is_empty() {
            true => String::new(),
            false => format!(" GROUP BY {}", names.join(", ")),
        };
        let selected =
            if selected.is_empty() { "1 AS \"__mb_1\"".to_owned() } else { selected.join(", ") };
        self.part(format!("SELECT {selected} FROM {last}{grouped}"));
        self.columns = by.iter().cloned().chain(calls.into_iter().map(|it| it.column)).collect();
        self.make(&by, &made, behind)?;
        self.next_stretch_of_groups(behind)
    }

    /// Works out what is made of the calls of each group.
    fn make(
        &mut self,
        by: &[PlannedColumn],
        made: &[Expr],
        behind: &[PlannedColumn],
    ) -> Result<(), String> {
        let schema = DFSchema::try_from(schema_of(&self.columns));
        let schema = schema.map_err(|error| error.strip_backtrace())?;
        let mut selected: Vec<String> = by.iter().map(|it| name(&it.name)).collect();
        let mut faults = Vec::new();
        let new = behind.get(by.len()..).unwrap_or_default();
        for (expression, column) in made.iter().zip(new) {
            let mut to = Translator { schema: &schema, notes: &mut self.notes };
            let found = to.kind(expression)?;
            let sql = converted(to.expression(expression)?, found, column.kind)?;
            // A sum of whole numbers may be longer than one may be.
            let is_whole = column.kind == ColumnKind::Long;
            faults.extend(sql.fault());
            if is_whole {
                faults.push(format!("NOT ({} {LONG})", sql.text));
            }
            let value = match is_whole {
                true => {
                    format!("CASE WHEN {0} {LONG} THEN CAST({0} AS NUMBER(19,0)) END", sql.text)
                }
                false => format!("CAST({} AS {})", sql.text, type_name(column.kind)),
            };
            selected.push(format!("{value} AS {}", name(&column.name)));
        }
        let key =
            by.iter().map(|it| format!("COALESCE({}, '')", as_text(&name(&it.name), it.kind)));
        let key: Vec<String> = key.collect();
        let key = if key.is_empty() { "''".to_owned() } else { key.join(" || '|' || ") };
        selected.push(format!("{key} AS {KEY}"));
        selected.push(format!("{} AS {}", any(&faults).unwrap_or("FALSE".to_owned()), flag(0)));
        let last = self.last();
        self.part(format!("SELECT {} FROM {last}", selected.join(", ")));
        Ok(())
    }

    fn next_stretch_of_groups(&mut self, behind: &[PlannedColumn]) -> Result<(), String> {
        self.columns = behind.to_vec();
        self.next_stretch();
        let (part, failed) = (self.last(), flag(0));
        self.worked_out(&part, &failed, built_in::EXPRESSION, &[]);
        self.take_out(&part, &[failed]);
        Ok(())
    }

    /// Rejects rows for which an argument cannot be worked out, as themselves.
    fn reject_rows(&mut self, calls: &[Call]) {
        let faults: Vec<String> = calls.iter().flat_map(|it| it.faults.clone()).collect();
        let Some(fault) = any(&faults) else { return };
        let (listed, last, failed) = (self.listed(), self.last(), flag(0));
        let part = self.part(format!("SELECT {listed}, {fault} AS {failed} FROM {last}"));
        self.worked_out(&part, &failed, built_in::EXPRESSION, &[]);
        self.take_out(&part, &[failed]);
    }

    fn read_groups(&self, text: &str) -> Result<(Expr, DFSchema), String> {
        let functions = [count_udaf(), sum_udaf(), min_udaf(), max_udaf()];
        let with = |it: &crate::pipelines::language::Language| {
            it.clone().with_aggregates(functions.clone(), Arc::new(AggregateFunctionPlanner))
        };
        deep(|| {
            let read = with(self.language).read(text, &self.columns)?;
            match &self.other {
                Some(other) if with(other).read(text, &self.columns)?.0 != read.0 => {
                    Err("asks for the time of the run: say which it is by `--now`".to_owned())
                }
                _ => Ok(read),
            }
        })
    }

    /// Takes the functions of many rows out of an expression, and puts columns in their place.
    fn calls(
        &mut self,
        expression: Expr,
        schema: &DFSchema,
        calls: &mut Vec<Call>,
    ) -> Result<Expr, String> {
        let mut fault = None;
        let parted = expression.transform_down(|it| {
            let Expr::AggregateFunction(call) = &it else { return Ok(Transformed::no(it)) };
            match self.call(call, &it, calls.len(), schema) {
                Ok(made) => {
                    let column = Expr::Column(Column::from_name(&made.column.name));
                    calls.push(made);
                    Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
                }
                Err(text) => {
                    fault = Some(text);
                    Err(plan_datafusion_err!("a fault"))
                }
            }
        });
        match (fault, parted) {
            (Some(text), _) => Err(text),
            (None, parted) => parted.map(|it| it.data).map_err(|error| error.strip_backtrace()),
        }
    }

    fn call(
        &mut self,
        call: &AggregateFunction,
        whole: &Expr,
        number: usize,
        schema: &DFSchema,
    ) -> Result<Call, String> {
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } =
            &call.params;
        let function = call.func.name();
        if !order_by.is_empty() || null_treatment.is_some() {
            return Err(format!("`{function}` with an order is not compiled"));
        }
        let found = whole.get_type(schema).map_err(|error| error.strip_backtrace())?;
        let kind = kind_of(&found).ok_or_else(|| format!("{found} is not compiled"))?;
        if function == "sum" && kind == ColumnKind::Float {
            return Err(
                "the sum of a `float` hangs on the order of the rows: take a decimal".to_owned()
            );
        }
        let mut to = Translator { schema, notes: &mut self.notes };
        let (mut texts, mut faults) = to.all(args)?;
        let argument = texts.pop().filter(|_| texts.is_empty());
        let mut argument = argument.ok_or_else(|| format!("`{function}` takes one value"))?;
        if let Some(filter) = filter {
            let Sql { text, faults: of_filter } = to.expression(filter)?;
            faults.extend(of_filter);
            argument = format!("CASE WHEN {text} THEN {argument} END");
        }
        let distinct = if *distinct { "DISTINCT " } else { "" };
        let sql = format!("{}({distinct}{argument})", function.to_uppercase());
        let column = PlannedColumn { name: format!("__mb_call{number}"), kind };
        Ok(Call { sql, column, faults })
    }
}
