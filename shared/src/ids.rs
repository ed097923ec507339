//! Names of things, each its own type.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text_setting;

/// Text that breaks the rule of the id it was meant for.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not {wanted}")]
pub struct InvalidId {
    raw: String,
    wanted: &'static str,
}

impl InvalidId {
    pub(crate) fn new(raw: String, wanted: &'static str) -> Self {
        Self { raw, wanted }
    }
}

/// Declares a newtype over text whose only door is `parse`.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $check:expr) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $(#[$doc])*
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps `raw`.
            ///
            /// # Errors
            ///
            /// [`InvalidId`](crate::ids::InvalidId) when `raw` breaks the rule stated on the type.
            pub fn parse(raw: impl Into<String>) -> Result<Self, $crate::ids::InvalidId> {
                let raw = raw.into();
                let check: fn(&str) -> bool = $check;
                if check(&raw) { Ok(Self(raw)) } else { Err($crate::ids::InvalidId::new(raw, $wanted)) }
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::InvalidId;

            fn try_from(raw: String) -> Result<Self, $crate::ids::InvalidId> {
                Self::parse(raw)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(raw: &str) -> Result<Self, $crate::ids::InvalidId> {
                Self::parse(raw)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use text_id;

text_id!(
    /// A configured connection to one org or system, such as `main-org`: 1 to 64 lower-case
    /// letters, digits and dashes, starting with a letter.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[a-z][a-z0-9-]{0,63}$", example = "main"))]
    ConnectionId,
    "a connection name: 1 to 64 lower-case letters, digits and dashes, starting with a letter",
    |raw| {
        raw.len() <= 64
            && raw.starts_with(|c: char| c.is_ascii_lowercase())
            && raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

text_setting!(ConnectionId, "connection-name", ["example-org"]);

text_id!(
    /// The API name of an object of a remote system, such as `Case` or `Court__c`: 1 to 80 letters,
    /// digits and underscores, starting with a letter. Source: `SOQL` identifier rule.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z][A-Za-z0-9_]{0,79}$", example = "Case"))]
    ObjectName,
    "an object name: 1 to 80 letters, digits and underscores, starting with a letter",
    |raw| {
        raw.len() <= 80
            && raw.starts_with(|c: char| c.is_ascii_alphabetic())
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
);

text_id!(
    /// The id of a record in its own system: 1 to 128 visible ASCII characters.
    #[cfg_attr(feature = "openapi", schema(example = "500ak00000OQTieAAH"))]
    RecordId,
    "a record id: 1 to 128 visible ASCII characters",
    |raw| !raw.is_empty() && raw.len() <= 128 && raw.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// A topic that a platform publishes changes to, such as `/data/CaseChangeEvent`: 2 to 120
    /// letters, digits, underscores and slashes, starting with a slash. Case matters.
    TopicName,
    "a topic: 2 to 120 letters, digits, underscores and slashes, starting with a slash",
    |raw| {
        (2..=120).contains(&raw.len())
            && raw.starts_with('/')
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/'))
    }
);

text_id!(
    /// Follows one piece of work from the webhook to the audit row: 1 to 64 letters, digits,
    /// dashes, dots and underscores.
    #[cfg_attr(feature = "openapi", schema(example = "0af7651916cd43dd8448eb211c80319c"))]
    CorrelationId,
    "a correlation id: 1 to 64 letters, digits, dashes, dots and underscores",
    |raw| {
        !raw.is_empty()
            && raw.len() <= 64
            && raw.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    }
);

text_id!(
    /// The id of one of our own rows: a `UUID` in lower case.
    #[cfg_attr(
        feature = "openapi",
        schema(format = "uuid", example = "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529")
    )]
    EntityId,
    "an entity id: a UUID in lower case",
    |raw| {
        raw.len() == 36
            && raw.bytes().enumerate().all(|(at, b)| match at {
                8 | 13 | 18 | 23 => b == b'-',
                _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
            })
    }
);

text_id!(
    /// A person, as the issuer of their tokens names them (`sub`), or a program in a person's
    /// place: 1 to 255 visible ASCII characters. Source: `OpenID Connect Core` 1.0, section 2.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[!-~]{1,255}$", example = "anna"))]
    PersonId,
    "a person id: 1 to 255 visible ASCII characters",
    |raw| !raw.is_empty() && raw.len() <= 255 && raw.bytes().all(|b| b.is_ascii_graphic())
);

/// What the record ids of rows begin with that the platform does not know yet.
const LOCAL_PREFIX: &str = "local:";

impl RecordId {
    /// Names the record that the row `id`, made here, will be; the platform has not named it yet.
    pub fn of_local(id: &EntityId) -> Self {
        Self(format!("{LOCAL_PREFIX}{id}"))
    }

    /// Returns the row, when the platform has not named its record yet.
    pub fn as_local(&self) -> Option<EntityId> {
        self.0.strip_prefix(LOCAL_PREFIX).and_then(|id| EntityId::parse(id).ok())
    }
}

impl CorrelationId {
    /// Makes one from 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}

impl EntityId {
    /// Derives the id of the row that stands for `record` of `object` behind `connection`.
    ///
    /// It depends on nothing else, so that a case can point at an account that has not arrived yet.
    /// The form is a version 8 `UUID` (RFC 9562, section 5.8) over SHA-256. The row of a record that
    /// the platform has not named yet is the one that the record's id names.
    pub fn derive(connection: &ConnectionId, object: &ObjectName, record: &RecordId) -> Self {
        if let Some(id) = record.as_local() {
            return id;
        }
        let digest = Sha256::new()
            .chain_update(connection.as_str())
            .chain_update([0])
            .chain_update(object.as_str())
            .chain_update([0])
            .chain_update(record.as_str())
            .finalize();
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self::of_bits(u128::from_be_bytes(bytes))
    }

    /// Makes the id of a row that is made here from 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        Self::of_bits(bits)
    }

    /// Names the row that one request makes: the one that `actor` sends under `key`, however often.
    pub fn of_request(actor: &str, key: &str) -> Self {
        let digest =
            Sha256::new().chain_update(actor).chain_update([0]).chain_update(key).finalize();
        let bits = digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
        Self::of_bits(bits)
    }

    /// Gives `bits` the form of a version 8 `UUID` (RFC 9562, section 5.8).
    pub(crate) fn of_bits(bits: u128) -> Self {
        let mut bits = bits;
        bits = (bits & !(0xf << 76)) | (0x8 << 76);
        bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let (a, rest) = hex.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        Self(format!("{a}-{b}-{c}-{d}-{e}"))
    }
}

/// A Salesforce record id, always kept in its 18-character form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SalesforceId(String);

text_setting!(SalesforceId, "salesforce-id", ["00D5f000000ABCD"]);

impl SalesforceId {
    /// Checks `raw`: 15 letters and digits, or 18 whose last three are the right checksum.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] when the length, a character or the checksum is wrong.
    pub fn parse(raw: impl Into<String>) -> Result<Self, InvalidId> {
        let raw = raw.into();
        let checked = match (raw.get(..15), raw.get(15..)) {
            (Some(id), Some(rest)) if raw.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                let checksum = Self::checksum(id);
                (rest.is_empty() || rest.eq_ignore_ascii_case(&checksum))
                    .then(|| format!("{id}{checksum}"))
            }
            _ => None,
        };
        checked.map(Self).ok_or(InvalidId { raw, wanted: "a Salesforce record id" })
    }

    /// Returns the id in its 18-character form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as a record id of no particular system.
    pub fn to_record_id(&self) -> RecordId {
        RecordId(self.0.clone())
    }

    /// Computes the three characters that keep the case of `id` when a system folds it.
    ///
    /// Source: Salesforce SOAP API guide, "ID field type".
    fn checksum(id: &str) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
        id.as_bytes()
            .chunks(5)
            .map(|block| {
                let bits = block
                    .iter()
                    .enumerate()
                    .filter(|(_, b)| b.is_ascii_uppercase())
                    .fold(0_usize, |bits, (at, _)| bits | (1 << at));
                ALPHABET.get(bits).map_or('A', |b| char::from(*b))
            })
            .collect()
    }
}

impl TryFrom<String> for SalesforceId {
    type Error = InvalidId;

    fn try_from(raw: String) -> Result<Self, InvalidId> {
        Self::parse(raw)
    }
}

impl From<SalesforceId> for String {
    fn from(id: SalesforceId) -> Self {
        id.0
    }
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_matches_ids_recorded_from_real_orgs() {
        for (short, checksum) in [
            ("001ak00000OQTie", "AAH"),
            ("003bm000016htgP", "AAQ"),
            ("0015f00002J9YYE", "AA3"),
            ("005bm000005uORO", "AA2"),
            ("000000000000000", "AAA"),
        ] {
            let id = SalesforceId::parse(short).unwrap();
            assert_eq!(id.as_str(), format!("{short}{checksum}"));
        }
    }

    #[test]
    fn salesforce_id_with_a_wrong_checksum_is_rejected() {
        assert!(SalesforceId::parse("001ak00000OQTieAAA").is_err());
    }

    #[test]
    fn salesforce_id_with_a_dash_or_a_wrong_length_is_rejected() {
        assert!(SalesforceId::parse("500-00000000000").is_err());
        assert!(SalesforceId::parse("5000000000000000").is_err());
        assert!(SalesforceId::parse("").is_err());
    }

    #[test]
    fn derived_entity_id_is_stable_and_well_formed() {
        let connection = ConnectionId::parse("main").unwrap();
        let object = ObjectName::parse("Case").unwrap();
        let record = SalesforceId::parse("0015f00002J9YYE").unwrap().to_record_id();
        let id = EntityId::derive(&connection, &object, &record);
        assert_eq!(id, EntityId::derive(&connection, &object, &record));
        EntityId::parse(id.as_str()).unwrap();
        assert_eq!(id.as_str().as_bytes()[14], b'8');
    }

    #[test]
    fn connection_name_with_a_slash_is_rejected_with_the_rule() {
        let error = ConnectionId::parse("main/org").unwrap_err();
        assert!(error.to_string().contains("lower-case letters"), "{error}");
    }
}
