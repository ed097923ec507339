//! One SELECT: read, its parameters bound as values, and its tables named.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, SetExpr, Statement, TimezoneInfo, Value, Visit as _,
    Visitor, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use shared::etl::no_such_name;
use shared::lake::LakeTable;
use shared::queries::{QueryError, QueryValue};

/// The longest statement taken, in bytes.
const MAX_BYTES: usize = 65_536;
/// The most operators of one: what is read is walked by recursion, an operator deep each at worst.
const MAX_OPERATORS: usize = 256;
/// How deep brackets and queries may stand in each other.
const MAX_DEPTH: usize = 40;
/// How deep operators may: answers are worked out on the stacks of the threads that serve everybody.
const MAX_NESTED: usize = 48;

/// What a statement may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// The rows of the lake as they stand.
    Current(LakeTable),
    /// Every version of the rows of the lake.
    History(LakeTable),
    /// The rows of the case store.
    Live(LakeTable),
}

impl Table {
    /// Every one of the lake.
    pub(super) fn of_the_lake() -> impl Iterator<Item = Self> {
        LakeTable::ALL.into_iter().flat_map(|it| [Self::Current(it), Self::History(it)])
    }

    /// Every one of the case store.
    pub(super) fn of_the_store() -> impl Iterator<Item = Self> {
        LakeTable::ALL.into_iter().map(Self::Live)
    }

    /// Returns what statements call it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Current(table) => table.as_str().to_owned(),
            Self::History(table) => format!("{table}_history"),
            Self::Live(table) => format!("store.{table}"),
        }
    }

    /// Returns the table of the lake behind it, when that is one.
    pub(super) fn of_lake(self) -> Option<LakeTable> {
        match self {
            Self::Current(table) | Self::History(table) => Some(table),
            Self::Live(_) => None,
        }
    }
}

/// A statement that only reads, without parameters.
#[derive(Clone, Debug)]
pub(super) struct Select {
    pub(super) statement: Parsed,
    pub(super) tables: BTreeSet<Table>,
}

impl Select {
    /// Reads `sql`, and puts `parameters` in place of `$name`: as values of the tree, never as text that
    /// is read.
    ///
    /// # Errors
    ///
    /// [`QueryError::Invalid`], or [`QueryError::Refused`] when it does anything but read.
    pub(super) fn read(
        sql: &str,
        parameters: &BTreeMap<String, QueryValue>,
        known: &[Table],
        functions: &[&str],
    ) -> Result<Self, QueryError> {
        let mut statement = parsed(sql)?;
        only_reads(&statement, sql)?;
        if statement.visit(&mut Nesting(0)).is_break() {
            return Err(QueryError::Invalid(format!(
                "the statement chains more than {MAX_NESTED} operators: write `IN (…)` for many `OR`, or \
                 part it by `WITH`"
            )));
        }
        bind(&mut statement, parameters)?;
        let statement = Parsed::Statement(Box::new(statement));
        let (references, _) = resolve_table_references(&statement, true)
            .map_err(|error| QueryError::Invalid(error.strip_backtrace()))?;
        let mut tables = BTreeSet::new();
        for reference in references {
            let name = reference.to_string();
            if let Some(table) = known.iter().find(|it| it.name() == name) {
                tables.insert(*table);
            } else if !functions.contains(&name.as_str()) {
                let known: Vec<String> = known.iter().map(|it| it.name()).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let short: String = name.chars().take(64).collect();
                return Err(QueryError::Invalid(no_such_name("table", &short, &known)));
            }
        }
        Ok(Self { statement, tables })
    }
}

fn parsed(sql: &str) -> Result<Statement, QueryError> {
    let unread = |it: String| {
        let text = it.strip_prefix("sql parser error: ").unwrap_or(&it).to_owned();
        QueryError::Invalid(format!("the statement is no SQL: {text}"))
    };
    if sql.len() > MAX_BYTES {
        let text = format!("the statement is longer than {MAX_BYTES} bytes: ask for less at once");
        return Err(QueryError::Invalid(text));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, sql).tokenize().map_err(|it| unread(it.to_string()))?;
    if tokens.iter().filter(|it| is_operator(it)).count() > MAX_OPERATORS {
        return Err(QueryError::Invalid(format!(
            "the statement has more than {MAX_OPERATORS} operators: ask for less at once"
        )));
    }
    let parser = DFParserBuilder::new(sql).with_dialect(&dialect).with_recursion_limit(MAX_DEPTH);
    let statements = parser.build().and_then(|mut it| it.parse_statements());
    let mut statements = statements.map_err(|it| unread(told(&it)))?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(Parsed::Statement(statement)), true) => Ok(*statement),
        (Some(_), true) => Err(refused(sql)),
        (Some(_), false) => Err(QueryError::Refused("more than one statement".to_owned())),
        (None, _) => {
            Err(QueryError::Invalid("the statement is empty: write one SELECT".to_owned()))
        }
    }
}

fn told(error: &datafusion::common::DataFusionError) -> String {
    match error {
        datafusion::common::DataFusionError::SQL(error, _) => error.to_string(),
        other => other.strip_backtrace(),
    }
}

/// Tells whether `token` stands between or before what it works on.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.value.to_uppercase().as_str(),
            "AND" | "OR" | "NOT" | "UNION" | "EXCEPT" | "INTERSECT" | "JOIN" | "CASE"
        ),
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::DoubleColon
        | Token::LBracket => true,
        _ => false,
    }
}

/// Refuses what a statement does by the word that it begins with.
fn refused(sql: &str) -> QueryError {
    let word: String =
        sql.trim_start().chars().take_while(|it| it.is_alphabetic()).take(20).collect();
    QueryError::Refused(format!("`{}`", word.to_uppercase()))
}

/// Counts how deep an expression stands in others.
struct Nesting(usize);

impl Visitor for Nesting {
    type Break = ();

    fn pre_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > MAX_NESTED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.0 = self.0.saturating_sub(1);
        ControlFlow::Continue(())
    }
}

fn only_reads(statement: &Statement, sql: &str) -> Result<(), QueryError> {
    let Statement::Query(query) = statement else { return Err(refused(sql)) };
    if !query.locks.is_empty() {
        return Err(QueryError::Refused("`FOR UPDATE`".to_owned()));
    }
    only_selects(&query.body)
}

fn only_selects(body: &SetExpr) -> Result<(), QueryError> {
    let not = |what: &str| Err(QueryError::Refused(format!("`{what}`")));
    match body {
        SetExpr::Select(select) if select.into.is_some() => not("SELECT INTO"),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => only_selects(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            only_selects(left)?;
            only_selects(right)
        }
        SetExpr::Insert(_) => not("INSERT"),
        SetExpr::Update(_) => not("UPDATE"),
        SetExpr::Delete(_) => not("DELETE"),
        SetExpr::Merge(_) => not("MERGE"),
    }
}

fn bind(
    statement: &mut Statement,
    parameters: &BTreeMap<String, QueryValue>,
) -> Result<(), QueryError> {
    let bound = visit_expressions_mut(statement, |expr| {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let short = name.strip_prefix('$').unwrap_or(name);
        match parameters.get(short) {
            Some(value) => *expr = literal(value),
            None => {
                let known: Vec<&str> = parameters.keys().map(String::as_str).collect();
                return ControlFlow::Break(no_such_name("parameter", short, &known));
            }
        }
        ControlFlow::Continue(())
    });
    match bound {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(text) => Err(QueryError::Invalid(text)),
    }
}

/// Returns `value` as a part of the tree.
fn literal(value: &QueryValue) -> Expr {
    let text = |it: String| Expr::Value(Value::SingleQuotedString(it).into());
    let cast = |it: String, data_type| Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(text(it)),
        data_type,
        array: false,
        format: None,
    };
    match value {
        QueryValue::Null => Expr::Value(Value::Null.into()),
        QueryValue::Bool(it) => Expr::Value(Value::Boolean(*it).into()),
        QueryValue::Long(it) => Expr::Value(Value::Number(it.to_string(), false).into()),
        QueryValue::Float(_) => cast(value.to_string(), DataType::Double(ExactNumberInfo::None)),
        QueryValue::Decimal(_, scale) => {
            let digits = ExactNumberInfo::PrecisionAndScale(38, i64::from(*scale));
            cast(value.to_string(), DataType::Decimal(digits))
        }
        QueryValue::Date(_) => cast(value.to_string(), DataType::Date),
        QueryValue::Instant(_) => {
            cast(value.to_string(), DataType::Timestamp(Some(3), TimezoneInfo::WithTimeZone))
        }
        QueryValue::Text(it) => text(it.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Select, QueryError> {
        let parameters = [
            ("court", QueryValue::Text("O'Hara\\' OR 1 = 1 --".to_owned())),
            ("days", QueryValue::Long(-5)),
            ("none", QueryValue::Null),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        let known: Vec<Table> = Table::of_the_lake().collect();
        Select::read(sql, &parameters, &known, &["generate_series"])
    }

    fn told(sql: &str) -> String {
        read(sql).unwrap_err().to_string()
    }

    #[test]
    fn tables_are_named_wherever_they_stand() {
        let sql = "WITH a AS (SELECT * FROM contacts) SELECT * FROM a, generate_series(1, 3) \
                   WHERE id IN (SELECT id FROM cases_history) UNION ALL SELECT * FROM a";
        let tables: Vec<_> = read(sql).unwrap().tables.into_iter().collect();
        assert_eq!(tables, [Table::Current(LakeTable::Contacts), Table::History(LakeTable::Cases)]);
        assert_eq!(told("SELECT * FROM case"), "there is no table `case`: did you mean `cases`?");
    }

    #[test]
    fn parameters_are_values_whatever_stands_in_them() {
        let sql = "SELECT * FROM cases WHERE court = $court AND 1 > $days AND $none IS NULL";
        let bound = read(sql).unwrap().statement;
        assert!(bound.to_string().contains("1 > -5 AND NULL IS NULL"), "{bound}");
        let value = r#"SingleQuotedString("O'Hara\\' OR 1 = 1 --")"#;
        assert!(format!("{bound:?}").contains(value), "{bound:?}");
        assert_eq!(
            told("SELECT $cuort FROM cases"),
            "there is no parameter `cuort`: did you mean `court`?"
        );
    }

    #[test]
    fn what_does_not_read_is_refused() {
        for (sql, what) in [
            ("DELETE FROM cases", "`DELETE`"),
            ("  insert INTO cases SELECT * FROM cases", "`INSERT`"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "`CREATE`"),
            ("COPY cases TO 'out.csv'", "`COPY`"),
            ("SET datafusion.execution.batch_size = 1", "`SET`"),
            ("EXPLAIN SELECT 1", "`EXPLAIN`"),
            ("SHOW TABLES", "`SHOW`"),
            ("SELECT 1; DROP TABLE cases", "more than one statement"),
            ("SELECT * INTO other FROM cases", "`SELECT INTO`"),
            ("SELECT * FROM cases FOR UPDATE", "`FOR UPDATE`"),
            ("WITH a AS (SELECT 1) DELETE FROM cases", "`DELETE`"),
        ] {
            let error = read(sql).unwrap_err();
            assert!(matches!(error, QueryError::Refused(_)), "{sql}: {error}");
            assert!(error.to_string().starts_with(what), "{sql}: {error}");
        }
    }

    #[test]
    fn statement_that_is_no_sql_says_where() {
        assert!(told("SELECT court FROM cases WHERE (").starts_with("the statement is no SQL: "));
        assert!(told("").contains("write one SELECT"));
        let long = format!("SELECT 1{}", " + 1".repeat(300));
        assert!(told(&long).contains("more than 256 operators"));
        let chain = format!("SELECT * FROM cases WHERE {}", ["id = 'a'"; 60].join(" OR "));
        assert!(told(&chain).contains("more than 48 operators: write `IN"));
        let deep = format!("SELECT {}1{}", "(".repeat(100), ")".repeat(100));
        assert!(told(&deep).starts_with("the statement is no SQL: "));
    }
}
