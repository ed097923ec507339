//! Names of statements, of their handles, of tables and columns.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::text_id;

text_id!(
    /// Names one sending of a statement: a UUID in lower case. Whoever sends it chooses it and saves
    /// it before.
    StatementId,
    "a UUID in lower case, such as `0f8fad5b-d9cb-469f-a165-70867728950e`",
    |raw| {
        raw.len() == 36
            && raw.bytes().enumerate().all(|(idx, byte)| match idx {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            })
    }
);

impl StatementId {
    /// Makes an id of random bits. Source: RFC 9562, section 5.4 (UUID version 4).
    pub fn from_random(bits: u128) -> Self {
        Self::with_version(bits, 4)
    }

    /// Makes the id of `name`, such as `load cases run 42`: the same name has the same id in every
    /// process. Source: RFC 9562, section 5.8 (UUID version 8).
    pub fn of(name: &str) -> Self {
        let digest = Sha256::digest(name);
        let bits = digest.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
        Self::with_version(bits, 8)
    }

    /// Makes the id of the part `name` of this work.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        Self::of(&format!("{self}/{name}"))
    }

    fn with_version(bits: u128, version: u128) -> Self {
        let bits = bits & !(0xf << 76) | (version << 76);
        let bits = bits & !(0b11 << 62) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        let group = |from: usize, until: usize| hex.get(from..until).unwrap_or_default();
        Self(format!(
            "{}-{}-{}-{}-{}",
            group(0, 8),
            group(8, 12),
            group(12, 16),
            group(16, 20),
            group(20, 32)
        ))
    }
}

text_id!(
    /// Names a statement that was taken, in the warehouse's own words: 1 to 128 letters, digits, `-`
    /// and `_`.
    StatementHandle,
    "the handle of a statement: 1 to 128 letters, digits, `-` and `_`",
    |raw| {
        (1..=128).contains(&raw.len())
            && raw.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    }
);

text_id!(
    /// The name of a table, column or schema as the warehouse stores it, which is mostly upper case:
    /// 1 to 255 characters, none of them a control character.
    ///
    /// Source: Snowflake, "Identifier requirements": 255 characters, quoted ones hold any.
    Identifier,
    "a name of the warehouse: 1 to 255 characters without control characters",
    |raw| (1..=255).contains(&raw.chars().count()) && !raw.chars().any(char::is_control)
);

/// The name of a table, in a schema or in the connection's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The schema; `None` is the connection's own.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
}

impl TableName {
    /// Names a table of the connection's own schema.
    pub fn new(table: Identifier) -> Self {
        Self { schema: None, table }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => self.table.fmt(f),
        }
    }
}
