//! A query as it was written.

/// A word of the query and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: usize,
}

/// A function over the rows of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "COUNT" => Some(Self::Count),
            "COUNT_DISTINCT" => Some(Self::CountDistinct),
            "MIN" => Some(Self::Min),
            "MAX" => Some(Self::Max),
            "SUM" => Some(Self::Sum),
            "AVG" => Some(Self::Avg),
            _ => None,
        }
    }
}

/// A field, or a function over one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Field(Name),
    Aggregate(Function, Name),
}

/// What is selected.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Field(Name),
    Aggregate { function: Function, field: Name, alias: Option<String> },
    CountRows,
    AllFields { which: String, at: usize },
    Children(Box<Query>),
}

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    Null,
    Date(i32),
    Instant(i64),
    Relative { word: String, count: Option<i64> },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// What rows must fulfil.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare { operand: Operand, comparison: Comparison, literal: Literal },
    In { field: Name, literals: Vec<Literal>, negated: bool },
    InQuery { field: Name, query: Box<Query>, negated: bool },
    Includes { field: Name, sets: Vec<String>, negated: bool },
}

/// One key of the order.
#[derive(Clone, Debug)]
pub(super) struct OrderKey {
    pub(super) operand: Operand,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A whole query.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) items: Vec<Item>,
    pub(super) object: Name,
    pub(super) alias: Option<String>,
    pub(super) condition: Option<Condition>,
    pub(super) group_by: Vec<Name>,
    pub(super) having: Option<Condition>,
    pub(super) order_by: Vec<OrderKey>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}
