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
    /// More that the platform tells, by its name: `duplicateResult`.
    pub(crate) detail: Option<(&'static str, Box<Value>)>,
}

impl RecordError {
    /// Makes a refusal that names no field.
    #[must_use]
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), detail: None }
    }

    /// Names a field at fault.
    #[must_use]
    pub(crate) fn with_field(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    /// Tells more, under a name of its own.
    #[must_use]
    pub(crate) fn with_detail(mut self, name: &'static str, detail: Value) -> Self {
        self.detail = Some((name, Box::new(detail)));
        self
    }

    /// A row that was never there, or is gone for good.
    pub(crate) fn not_found() -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    }

    /// A row in the recycle bin.
    pub(crate) fn deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted")
    }

    /// A text that is no id.
    pub(crate) fn malformed_id(text: &str) -> Self {
        Self::new("MALFORMED_ID", format!("malformed id {text}"))
    }

    /// A record that did not fail itself, in a request that failed as a whole.
    pub(crate) fn rolled_back() -> Self {
        Self::new(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using \
             AllOrNone header",
        )
    }

    /// The form inside collection results, which says `statusCode`.
    #[must_use]
    pub(crate) fn in_collection(&self) -> Value {
        let mut all =
            json!({"statusCode": self.code, "message": self.message, "fields": self.fields});
        if let (Some((name, detail)), Some(map)) = (&self.detail, all.as_object_mut()) {
            map.insert((*name).to_owned(), (**detail).clone());
        }
        all
    }
}
