//! The words of the domain.

mod change_event;
mod compound;
mod edits;
mod entity;
mod field;
mod field_name;
mod fields;

pub use change_event::{Change, ChangeEvent, Channel, RecordKey, Scope};
pub use compound::part_of_compound;
pub use edits::{Edit, Edits, Overwrite, Presence, PresenceEdit};
pub use entity::{Entity, InvalidEntity};
pub use field::FieldValue;
pub use field_name::FieldName;
pub use fields::{FieldNames, Fields, FieldsIntoIter, FieldsIter};
