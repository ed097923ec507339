//! Turns stored columns back into the words of the domain.

use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use shared::ids::EntityId;
use shared::time::Timestamp;

/// A stored value that is not what this build writes: the file was altered, or made by another.
pub(super) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// Reads a word such as `created` as a unit variant.
pub(super) fn word<T: DeserializeOwned>(raw: &str) -> Result<T, sqlx::Error> {
    let deserializer: StrDeserializer<'_, WordError> = raw.into_deserializer();
    T::deserialize(deserializer).map_err(|cause| sqlx::Error::Decode(cause.into()))
}

/// Reads a column of JSON text.
pub(super) fn json<T: DeserializeOwned>(raw: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(raw).map_err(|cause| sqlx::Error::Decode(cause.into()))
}

/// Writes a value as JSON text.
pub(super) fn json_text<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|cause| sqlx::Error::Encode(cause.into()))
}

/// Passes on the check of a newtype.
pub(super) fn checked<T, E: Into<Unreadable>>(parsed: Result<T, E>) -> Result<T, sqlx::Error> {
    parsed.map_err(|cause| sqlx::Error::Decode(cause.into()))
}

/// Reads an id of one of our rows.
pub(super) fn entity_id(raw: String) -> Result<EntityId, sqlx::Error> {
    checked(EntityId::parse(raw))
}

/// Reads an instant.
pub(super) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Reads a count; the tables hold none below zero.
pub(super) fn count(stored: i64) -> u64 {
    stored.try_into().unwrap_or(0)
}

/// Writes a count or number; those of this store stay far below the limit.
pub(super) fn number(count: u64) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
