//! SOQL that no value and no name can break out of: a typed builder, a parser, and checks.
//!
//! A [`Query`] is built of checked names and typed literals and written by [`Query::to_soql`],
//! which holds it to the bounds of the platform. [`parse`] reads text into the same types.

mod bounds;
mod check;
mod condition;
mod date;
mod literal;
mod name;
mod number;
mod parse;
mod pattern;
mod query;
mod select;
mod selectivity;
mod split;
#[cfg(test)]
mod tests;
mod typed;
mod write;

pub use bounds::{BoundFault, Transport, encoded_bytes};
pub use check::{NameFault, NameFaultKind, NameFaults, check, check_for_bulk};
pub use condition::{
    Comparison, Condition, Function, Group, Inclusion, InvalidPicklistSet, Membership, Operand,
    PicklistSet,
};
pub use date::{Date, InvalidDate, Period, RelativeDate, Unit};
pub use literal::Literal;
pub use name::{Alias, FieldPath, InvalidName};
pub use number::{InvalidNumber, Money, Number};
pub use parse::{ParseError, parse};
pub use pattern::Pattern;
pub use query::{
    AccessMode, Direction, FieldSet, Grouping, Nulls, OrderKey, Query, Recency, Scope, SelectItem,
    Source, Tracking, TypeOf,
};
pub(crate) use select::{
    SelectError, count_where, select_by_id, select_by_ids, select_first_id, select_where,
    select_window,
};
pub use selectivity::{ScanReason, Selectivity, selectivity};
pub use split::{SplitFault, ValueQueries};
pub use typed::ValueFault;
