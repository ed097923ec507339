//! What an org says about its objects and fields, and what that means.

mod describe;
mod field;
mod set;

pub use describe::{ChildRelationship, GlobalDescribe, ObjectDescribe, ObjectSummary, RecordType};
pub use field::{FieldDescribe, FieldType, PicklistValue};
pub use set::DescribeSet;
