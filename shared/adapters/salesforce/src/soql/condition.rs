//! What records must fulfil: a tree of typed comparisons.

use super::literal::Literal;
use super::name::FieldPath;
use super::pattern::Pattern;
use super::query::Query;

/// A function over the records of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Counts the records whose field is not empty.
    Count,
    /// Counts the different values.
    CountDistinct,
    /// The smallest value; of a picklist the first in its order.
    Min,
    /// The largest value.
    Max,
    /// The sum of numbers.
    Sum,
    /// The mean of numbers.
    Avg,
}

impl Function {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Count, "COUNT"),
        (Self::CountDistinct, "COUNT_DISTINCT"),
        (Self::Min, "MIN"),
        (Self::Max, "MAX"),
        (Self::Sum, "SUM"),
        (Self::Avg, "AVG"),
    ];

    /// Returns the function's name in SOQL.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    /// Finds the function called `word`, whatever its case.
    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, it)| it.eq_ignore_ascii_case(word)).map(|(it, _)| *it)
    }
}

/// What is compared, or what orders: a field, or a function over one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A field.
    Field(FieldPath),
    /// A function over a field: in HAVING and ORDER BY of grouped queries only.
    Aggregate(Function, FieldPath),
}

impl Operand {
    /// Returns the field that is read.
    pub fn field(&self) -> &FieldPath {
        match self {
            Self::Field(field) | Self::Aggregate(_, field) => field,
        }
    }
}

impl From<FieldPath> for Operand {
    fn from(field: FieldPath) -> Self {
        Self::Field(field)
    }
}

/// How two values are compared. Text is compared whatever its case, ids exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`; with `null` it tests emptiness.
    Equal,
    /// `!=`; unlike SQL it holds for an empty field too.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Returns the comparison's sign in SOQL.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Whether a value must be in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// `IN`
    In,
    /// `NOT IN`
    NotIn,
}

/// Whether a picklist of several values must have some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inclusion {
    /// `INCLUDES`
    Includes,
    /// `EXCLUDES`
    Excludes,
}

/// Values that a picklist of several values must have all at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PicklistSet(Vec<String>);

/// A picklist value that would be read as two, or none at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picklist value is empty or holds a semicolon, which parts values")]
pub struct InvalidPicklistSet;

impl PicklistSet {
    /// Wraps one or more values, none empty and none with a semicolon.
    ///
    /// # Errors
    /// [`InvalidPicklistSet`] when there is no value, or a value breaks the rule.
    pub fn new<T: Into<String>>(
        values: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidPicklistSet> {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let is_value = |it: &String| !it.is_empty() && !it.contains(';');
        let is_set = !values.is_empty() && values.iter().all(is_value);
        if is_set { Ok(Self(values)) } else { Err(InvalidPicklistSet) }
    }

    /// Returns the values as SOQL writes them: `a;b`.
    pub fn joined(&self) -> String {
        self.0.join(";")
    }
}

/// Two or more conditions that are joined by one word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group(Vec<Condition>);

impl Group {
    /// Joins two conditions.
    pub fn new(first: Condition, second: Condition) -> Self {
        Self(vec![first, second])
    }

    /// Joins one more.
    pub fn push(&mut self, condition: Condition) {
        self.0.push(condition);
    }

    /// Returns the conditions, two or more.
    pub fn conditions(&self) -> &[Condition] {
        &self.0
    }
}

/// What records must fulfil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// All of them, joined by `AND`.
    All(Group),
    /// Any of them, joined by `OR`.
    Any(Group),
    /// The opposite.
    Not(Box<Condition>),
    /// A value compared with a literal.
    Compare(Operand, Comparison, Literal),
    /// Text that looks like a pattern.
    Like(Operand, Pattern),
    /// A value in a list or not.
    Member(FieldPath, Membership, Vec<Literal>),
    /// A value among those that another query gives, or not.
    MemberOf(FieldPath, Membership, Box<Query>),
    /// A picklist of several values that has all of one of these sets, or of none.
    Picklist(FieldPath, Inclusion, Vec<PicklistSet>),
}

impl Condition {
    /// Compares an operand with a literal.
    pub fn compare(
        operand: impl Into<Operand>,
        comparison: Comparison,
        value: impl Into<Literal>,
    ) -> Self {
        Self::Compare(operand.into(), comparison, value.into())
    }

    /// Asks for text that looks like `pattern`.
    pub fn like(operand: impl Into<Operand>, pattern: Pattern) -> Self {
        Self::Like(operand.into(), pattern)
    }

    /// Asks for one of `values`.
    pub fn is_in<T: Into<Literal>>(field: FieldPath, values: impl IntoIterator<Item = T>) -> Self {
        Self::Member(field, Membership::In, values.into_iter().map(Into::into).collect())
    }

    /// Asks for none of `values`.
    pub fn is_not_in<T: Into<Literal>>(
        field: FieldPath,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::Member(field, Membership::NotIn, values.into_iter().map(Into::into).collect())
    }

    /// Asks for this and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All(mut group) => {
                group.push(other);
                Self::All(group)
            }
            first => Self::All(Group::new(first, other)),
        }
    }

    /// Asks for this or `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Any(mut group) => {
                group.push(other);
                Self::Any(group)
            }
            first => Self::Any(Group::new(first, other)),
        }
    }

    /// Joins conditions by `AND`; `None` when there is none.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Option<Self> {
        conditions.into_iter().reduce(Self::and)
    }

    /// Joins conditions by `OR`; `None` when there is none.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Option<Self> {
        conditions.into_iter().reduce(Self::or)
    }
}

impl std::ops::Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl FieldPath {
    /// Asks for this value, or with [`Literal::Null`] for no value.
    pub fn equals(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::Equal, value)
    }

    /// Asks for any other value; an empty field is another value.
    pub fn differs_from(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::NotEqual, value)
    }

    /// Asks for less.
    pub fn is_below(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::Less, value)
    }

    /// Asks for more.
    pub fn is_above(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::Greater, value)
    }

    /// Asks for this much or more.
    pub fn is_at_least(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::GreaterOrEqual, value)
    }

    /// Asks for this much or less.
    pub fn is_at_most(self, value: impl Into<Literal>) -> Condition {
        Condition::compare(self, Comparison::LessOrEqual, value)
    }
}
