//! A wall as it is stored.

use shared::ids::PersonId;
use shared::ports::Wall;
use sqlx::FromRow;

use crate::store::decode::{checked, entity_id, instant, word};
use crate::store::text::StoredText;

/// One row of `walls`.
#[derive(FromRow)]
pub(in crate::store) struct StoredWall {
    case_id: String,
    person: String,
    stance: String,
    reason: StoredText,
    set_by: String,
    set_at: i64,
}

impl StoredWall {
    /// Reads it in the words of the port.
    pub(in crate::store) fn read(self) -> Result<Wall, sqlx::Error> {
        Ok(Wall {
            case_id: entity_id(self.case_id)?,
            person: checked(PersonId::parse(self.person))?,
            stance: word(&self.stance)?,
            reason: self.reason.into(),
            set_by: checked(PersonId::parse(self.set_by))?,
            set_at: instant(self.set_at),
        })
    }
}
