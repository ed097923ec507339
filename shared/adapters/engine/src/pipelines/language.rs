//! The one language of expressions: SQL, read, checked against columns and made ready to work on
//! batches by the crates of `DataFusion`. There is no query and no plan.

mod functions;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::DataType;
use chrono::{DateTime, Utc};
use datafusion_common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, SchemaError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, ExprSchemable as _, Operator, Volatility, cast};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::{Token, Tokenizer};
use shared::etl::{ColumnKind, PlannedColumn, no_such_name};
use shared::time::Timestamp;

use self::functions::{Functions, no_such_function};
use super::kinds::{data_type, kind_of, schema_of};

/// The longest expression taken, in bytes.
const MAX_BYTES: usize = 65_536;
/// The most operators of one: what is read is walked by recursion, an operator deep each at worst.
const MAX_OPERATORS: usize = 200;
/// The stack on which one is walked.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// An expression that is ready to work on batches.
#[derive(Clone, Debug)]
pub(super) struct Worked {
    pub(super) expression: Arc<dyn PhysicalExpr>,
    /// What it gives.
    pub(super) kind: ColumnKind,
    /// The columns it looks at.
    pub(super) columns: BTreeSet<String>,
    /// How it is worked out, with every conversion.
    pub(super) shown: String,
}

#[cfg(feature = "sets")]
impl Worked {
    /// Returns the place of the column that it is, when it is nothing else.
    pub(super) fn plain_column(&self, columns: &[PlannedColumn]) -> Option<usize> {
        let column =
            self.expression.downcast_ref::<datafusion_physical_expr::expressions::Column>()?;
        columns.get(column.index()).filter(|it| it.kind == self.kind).map(|_| column.index())
    }
}

/// Reads expressions. The time of `now()` is one and the same for all of them.
#[derive(Clone)]
pub(super) struct Language {
    functions: Functions,
    now: DateTime<Utc>,
}

impl Language {
    /// Reads expressions of a run that began at `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        let now = DateTime::from_timestamp_millis(now.as_millis()).unwrap_or_default();
        Self { functions: Functions::of_rows(), now }
    }

    /// Reads expressions in which these functions of many rows may stand, too.
    #[cfg(feature = "sets")]
    pub(super) fn with_aggregates(
        mut self,
        aggregates: impl IntoIterator<Item = Arc<datafusion_expr::AggregateUDF>>,
        planner: Arc<dyn datafusion_expr::planner::ExprPlanner>,
    ) -> Self {
        self.functions.add_aggregates(aggregates, planner);
        self
    }

    /// Works out what gives a value in each row of `columns`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write instead.
    pub(super) fn value(&self, text: &str, columns: &[PlannedColumn]) -> Result<Worked, String> {
        deep(|| self.work_out(text, columns))
    }

    fn work_out(&self, text: &str, columns: &[PlannedColumn]) -> Result<Worked, String> {
        let (expression, schema) = self.read(text, columns)?;
        self.typed(expression, &schema, columns)
    }

    /// Makes what was read a value that a column holds.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write instead.
    pub(super) fn typed(
        &self,
        expression: Expr,
        schema: &DFSchema,
        columns: &[PlannedColumn],
    ) -> Result<Worked, String> {
        let found = expression.get_type(schema).map_err(|error| said(&error, columns))?;
        let kind = kind_of(&found).ok_or_else(|| match &found {
            DataType::Null => "has no type: write `CAST(… AS …)` around it".to_owned(),
            other => {
                format!("gives {other}, which no column holds: write `CAST(… AS …)` around it")
            }
        })?;
        let wanted = data_type(kind);
        let expression = if found == wanted { expression } else { cast(expression, wanted) };
        self.ready(&expression, schema, kind, columns)
    }

    /// Works out what is true or false in each row of `columns`.
    ///
    /// # Errors
    ///
    /// As [`value`](Self::value).
    pub(super) fn condition(
        &self,
        text: &str,
        columns: &[PlannedColumn],
    ) -> Result<Worked, String> {
        let worked = self.value(text, columns)?;
        match worked.kind {
            ColumnKind::Bool => Ok(worked),
            kind => Err(format!("gives {kind}, and true or false is wanted: compare it")),
        }
    }

    /// Reads an expression over `columns`, with every conversion in it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write instead.
    pub(super) fn read(
        &self,
        text: &str,
        columns: &[PlannedColumn],
    ) -> Result<(Expr, DFSchema), String> {
        if text.len() > MAX_BYTES {
            return Err(format!("is longer than {MAX_BYTES} bytes: part it by `derive`"));
        }
        let fail = |error: DataFusionError| said(&error, columns);
        let schema = DFSchema::try_from(schema_of(columns)).map_err(fail)?;
        let dialect = PostgreSqlDialect {};
        let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
        let tokens = tokens.map_err(|it| unread(&it.to_string()))?;
        if tokens.iter().filter(|it| is_operator(&it.token)).count() > MAX_OPERATORS {
            return Err(format!("has more than {MAX_OPERATORS} operators: part it by `derive`"));
        }
        let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
        let parsed = parser.parse_expr().map_err(|it| unread(&it.to_string()))?;
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            let place = rest.span.start;
            let (token, column) = (rest.token, place.column);
            return Err(format!(
                "ends before `{token}` at character {column}: remove what follows"
            ));
        }
        let options = ParserOptions::new()
            .with_enable_ident_normalization(false)
            .with_parse_float_as_decimal(true)
            .with_map_string_types_to_utf8view(false);
        let planner = SqlToRel::new_with_options(&self.functions, options);
        let expression =
            planner.sql_to_expr(parsed, &schema, &mut PlannerContext::new()).map_err(fail)?;
        check(&expression, &schema)?;
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_query_execution_start_time(Some(self.now))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let expression = simplifier.coerce(expression, &schema).map_err(fail)?;
        let expression = simplifier.simplify(expression).map_err(fail)?;
        Ok((expression, schema))
    }

    fn ready(
        &self,
        expression: &Expr,
        schema: &DFSchema,
        kind: ColumnKind,
        columns: &[PlannedColumn],
    ) -> Result<Worked, String> {
        let used = expression.column_refs().into_iter().map(|it| it.name.clone()).collect();
        let props = ExecutionProps::new().with_query_execution_start_time(self.now);
        let planning = PhysicalPlanningContext::default();
        let physical = create_physical_expr(expression, schema, &props, &planning)
            .map_err(|error| said(&error, columns))?;
        Ok(Worked { expression: physical, kind, columns: used, shown: expression.to_string() })
    }
}

/// Walks an expression on a stack of its own: what is read is walked by recursion, with frames of some
/// kilobytes each.
pub(super) fn deep<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let worked = thread.spawn_scoped(scope, work);
        let worked = worked.map_err(|error| format!("cannot be worked out: {error}"))?;
        worked.join().map_err(|_| "cannot be worked out: it breaks the engine".to_owned())?
    })
}

/// Tells whether `token` stands between or before what it works on.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            matches!(word.value.to_uppercase().as_str(), "AND" | "OR" | "NOT" | "IS")
        }
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::EOF => false,
        _ => true,
    }
}

/// Refuses what would give another value each time, what looks at more than one row, and comparisons
/// that would silently turn text into numbers or numbers into text.
fn check(expression: &Expr, schema: &DFSchema) -> Result<(), String> {
    let mut fault = None;
    let walked = expression.apply(|it| {
        fault = match it {
            Expr::ScalarFunction(call)
                if call.func.signature().volatility == Volatility::Volatile =>
            {
                let name = call.func.name();
                Some(format!("`{name}` gives another value each time: a run must be repeatable"))
            }
            Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_) => {
                Some("a query within an expression: only columns of one row are seen".to_owned())
            }
            Expr::Placeholder(it) => Some(format!("`{}` stands for nothing here", it.id)),
            Expr::BinaryExpr(it) if is_comparison(it.op) => unlike(&it.left, [&*it.right], schema),
            Expr::Between(it) => unlike(&it.expr, [&*it.low, &*it.high], schema),
            Expr::InList(it) => unlike(&it.expr, &it.list, schema),
            _ => None,
        };
        Ok(match fault {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    });
    match (walked, fault) {
        (_, Some(fault)) => Err(fault),
        (Err(error), None) => Err(said(&error, &[])),
        (Ok(_), None) => Ok(()),
    }
}

fn is_comparison(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Says that `left` is compared with what it is never like.
fn unlike<'a>(
    left: &Expr,
    others: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Option<String> {
    let kind = |it: &Expr| it.get_type(schema).ok().as_ref().and_then(kind_of);
    let class = |it: ColumnKind| match it {
        ColumnKind::Text => 0,
        ColumnKind::Bool => 1,
        ColumnKind::Date | ColumnKind::Instant => 2,
        ColumnKind::Long | ColumnKind::Float | ColumnKind::Decimal { .. } => 3,
    };
    let one = kind(left)?;
    others.into_iter().find_map(|other| {
        let two = kind(other)?;
        // A day may be written as text: `opened > '2026-01-31'`.
        let is_day = |day: &Expr, text: &Expr| {
            kind(day).map(class) == Some(2) && matches!(text, Expr::Literal(..))
        };
        let is_like = class(one) == class(two)
            || (two == ColumnKind::Text && is_day(left, other))
            || (one == ColumnKind::Text && is_day(other, left));
        (!is_like).then(|| format!("compares {one} with {two}: write `CAST(… AS …)` around one"))
    })
}

/// Says what the parser did not understand.
fn unread(error: &str) -> String {
    let text = error.strip_prefix("sql parser error: ").unwrap_or(error);
    format!("is no expression of SQL: {text}")
}

/// Says what is wrong in our words where there are some, else in the engine's.
pub(super) fn said(error: &DataFusionError, columns: &[PlannedColumn]) -> String {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = &**schema
    {
        if field.relation.is_some() {
            let name = field.flat_name();
            return format!(
                "there is no table in `{name}`: write the column alone, quoted if it has a dot"
            );
        }
        let known: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
        return no_such_name("column", &field.name, &known);
    }
    let text = error.strip_backtrace();
    if let Some((_, rest)) = text.split_once("Invalid function '")
        && let Some((name, _)) = rest.split_once('\'')
    {
        return no_such_function(name);
    }
    let text = text.lines().next().unwrap_or_default();
    let prefixes = ["Error during planning: ", "type_coercion\ncaused by\n", "Execution error: "];
    let text = prefixes.iter().fold(text, |text, it| text.strip_prefix(it).unwrap_or(text));
    text.to_owned()
}

#[cfg(test)]
mod tests;
