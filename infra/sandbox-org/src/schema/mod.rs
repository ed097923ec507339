//! The objects of the org: their fields, and what the API tells about them.

mod alter;
mod describe;
mod field;
mod object;
mod parse;

pub(crate) use alter::{AlterError, Alteration};
pub(crate) use field::{Field, FieldKind};
pub(crate) use object::{ObjectType, Schema};
pub use parse::SchemaError;

pub(crate) use object::position;
