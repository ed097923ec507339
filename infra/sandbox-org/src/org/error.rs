//! Why a record was not written.

use serde_json::{Value, json};

/// A refusal, in the words of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordError {
    /// The platform's code, such as `REQUIRED_FIELD_MISSING`.
    pub(crate) code: &'static str,
    /// What a person reads.
    pub(crate) message: String,
    /// Fields at fault.
    pub(crate) fields: Vec<String>,
}

impl RecordError {
    /// Makes a refusal that names no field.
    #[must_use]
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new() }
    }

    /// Names a field at fault.
    #[must_use]
    pub(crate) fn with_field(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    /// A row that was never there.
    pub(crate) fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist")
    }

    /// A row in the recycle bin.
    pub(crate) fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted")
    }

    /// A text that is no id.
    pub(crate) fn malformed_id(text: &str) -> Self {
        Self::new("MALFORMED_ID", format!("malformed id {text}"))
    }

    /// The form inside collection results, which says `statusCode`.
    #[must_use]
    pub(crate) fn in_collection(&self) -> Value {
        json!({"statusCode": self.code, "message": self.message, "fields": self.fields})
    }
}
