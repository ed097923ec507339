//! Whether the org can find the records by an index, or must look at every one.
//!
//! Source: "Best practices for deployments with large data volumes", indexes and selectivity.

use super::condition::{Comparison, Condition, Membership, Operand};
use super::literal::Literal;
use super::name::FieldPath;
use super::query::Query;
use crate::schema::{FieldType, ObjectDescribe};

/// Fields that every org indexes, beside references and external ids.
const INDEXED: &[&str] =
    &["Id", "Name", "OwnerId", "CreatedDate", "SystemModstamp", "RecordTypeId"];

/// How the org is likely to find the records of a query. An index helps only while few records
/// match: less than 30 % of the first million with a standard one, 10 % with a custom one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selectivity {
    /// By the index of this field.
    Indexed(String),
    /// By looking at every record, and why.
    Scan(ScanReason),
}

/// Why no index helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanReason {
    /// Nothing is asked of the records.
    NoCondition,
    /// The field has no index; of `LastModifiedDate` take `SystemModstamp` instead.
    NotIndexed(String),
    /// It is asked what the field is not, or whether it is empty.
    Negative(String),
    /// The pattern begins with a wildcard.
    LeadingWildcard(String),
    /// The field belongs to a parent.
    Parent(String),
}

/// Tells how the org is likely to find the records that `query` asks of `object`.
pub fn selectivity(query: &Query, object: &ObjectDescribe) -> Selectivity {
    match &query.condition {
        None => Selectivity::Scan(ScanReason::NoCondition),
        Some(condition) => match index_of(query, object, condition) {
            Ok(field) => Selectivity::Indexed(field),
            Err(reason) => Selectivity::Scan(reason),
        },
    }
}

fn index_of(
    query: &Query,
    object: &ObjectDescribe,
    condition: &Condition,
) -> Result<String, ScanReason> {
    let negative = |field: &FieldPath| Err(ScanReason::Negative(field.to_string()));
    match condition {
        // One index is enough under AND, every branch needs one under OR.
        Condition::All(group) => {
            let mut found = Err(ScanReason::NoCondition);
            for inner in group.conditions() {
                let here = index_of(query, object, inner);
                if here.is_ok() {
                    return here;
                }
                if found == Err(ScanReason::NoCondition) {
                    found = here;
                }
            }
            found
        }
        Condition::Any(group) => group
            .conditions()
            .iter()
            .map(|inner| index_of(query, object, inner))
            .reduce(Result::and)
            .unwrap_or(Err(ScanReason::NoCondition)),
        Condition::Not(inner) => match index_of(query, object, inner) {
            Ok(field) => Err(ScanReason::Negative(field)),
            Err(reason) => Err(reason),
        },
        Condition::Compare(operand, comparison, value) => {
            let field = operand.field();
            if *comparison == Comparison::NotEqual || *value == Literal::Null {
                return negative(field);
            }
            indexed(query, object, operand)
        }
        Condition::Like(operand, pattern) if pattern.has_leading_wildcard() => {
            Err(ScanReason::LeadingWildcard(operand.field().to_string()))
        }
        Condition::Like(operand, _) => indexed(query, object, operand),
        Condition::Member(field, membership, values) => {
            if *membership == Membership::NotIn || values.contains(&Literal::Null) {
                return negative(field);
            }
            indexed(query, object, &Operand::Field(field.clone()))
        }
        Condition::MemberOf(field, Membership::NotIn, _) => negative(field),
        Condition::MemberOf(field, Membership::In, _) => {
            indexed(query, object, &Operand::Field(field.clone()))
        }
        Condition::Picklist(field, _, _) => Err(ScanReason::NotIndexed(field.to_string())),
    }
}

fn indexed(
    query: &Query,
    object: &ObjectDescribe,
    operand: &Operand,
) -> Result<String, ScanReason> {
    let own = query.own_names();
    let name = operand.field().without_own(&own);
    if name.contains('.') {
        return Err(ScanReason::Parent(name.to_owned()));
    }
    let field = object.field(name);
    let is_indexed = INDEXED.iter().any(|it| it.eq_ignore_ascii_case(name))
        || field.is_some_and(|it| {
            it.name_field || it.external_id || it.unique || it.field_type == FieldType::Reference
        });
    if is_indexed { Ok(name.to_owned()) } else { Err(ScanReason::NotIndexed(name.to_owned())) }
}
