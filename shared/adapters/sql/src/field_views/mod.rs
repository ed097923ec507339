//! The views that show mapped custom fields as typed columns, on both engines.
//!
//! What they show is noted in the ledger, in the transaction that makes them: so they can be taken
//! down while tables change and put up again by whoever changes them, without the mappings.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::model::Entity;
use shared::ports::FieldColumns;

use crate::store::hex;

/// Where it is noted what the views show.
const LEDGER_NAME: &str = "field-views";

/// Returns the name of the view of `entity`.
const fn view(entity: Entity) -> &'static str {
    match entity {
        Entity::Account => "account_fields",
        Entity::Contact => "contact_fields",
        Entity::Case => "case_fields",
    }
}

/// The note in the ledger.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// What the views show.
    columns: FieldColumns,
    /// The SHA-256 of the statements that made them: another build may spell them otherwise.
    form: String,
}

impl Note {
    fn of(columns: &FieldColumns, statements: &[String]) -> Self {
        let mut digest = Sha256::new();
        for statement in statements {
            digest.update(statement);
        }
        Self { columns: columns.clone(), form: hex(&digest.finalize()) }
    }

    fn text(&self) -> Result<String, sqlx::Error> {
        serde_json::to_string(self).map_err(|cause| sqlx::Error::Encode(cause.into()))
    }

    fn read(text: &str) -> Result<Self, sqlx::Error> {
        serde_json::from_str(text).map_err(|cause| sqlx::Error::Decode(cause.into()))
    }
}

/// Quotes a name. Names in mappings need none; it keeps others from being anything but names.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Spells text as a literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
