//! What an org says about its objects and fields, and what that means.

mod convert;
mod describe;
mod field;
mod formula;
mod set;
#[cfg(test)]
mod tests;

pub use describe::{ChildRelationship, GlobalDescribe, ObjectDescribe, ObjectSummary, RecordType};
pub use field::{FieldDescribe, FieldType, PicklistValue};
pub use formula::depends_on;
pub use set::DescribeSet;
