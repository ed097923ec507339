//! The words of the domain.

mod change_event;
mod compound;
mod entity;
mod field;

pub use change_event::{Change, ChangeEvent, Channel, RecordKey, Scope};
pub use compound::part_of_compound;
pub use entity::{Entity, InvalidEntity};
pub use field::{FieldValue, Fields};
