//! Why a query breaks a bound, and what to do.

use super::{MAX_CHARACTERS, MAX_FIELDS_RECORDS};

/// A bound of the platform that a query breaks.
///
/// Source: SOQL and SOSL reference: limits, relationship queries, semi-joins, `FIELDS()`, `OFFSET`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundFault {
    /// Nothing is selected, or a list that must have a member has none.
    #[error("{what} is empty: name at least one")]
    Empty {
        /// The list.
        what: &'static str,
    },
    /// The object is called like a word of the language.
    #[error("`{name}` is a word of SOQL and cannot be queried as an object")]
    Reserved {
        /// Its name.
        name: String,
    },
    /// The statement is too long.
    #[error(
        "query of {n_characters} characters is longer than {MAX_CHARACTERS}: ask for fewer fields \
         or values at once"
    )]
    TooLong {
        /// Its length.
        n_characters: usize,
    },
    /// The statement does not fit into an address.
    #[error(
        "query takes {n_bytes} bytes of an address that has room for {max_bytes}: split its fields \
         or values, or read by Bulk query"
    )]
    AddressTooLong {
        /// Its length, percent-encoded.
        n_bytes: usize,
        /// What is left for it.
        max_bytes: usize,
    },
    /// A text is too long.
    #[error(
        "text of {n_characters} characters that `{field}` is compared with is longer than the \
         {max} that SOQL takes"
    )]
    TextTooLong {
        /// The field.
        field: String,
        /// Length of the text as it is written.
        n_characters: usize,
        /// The longest there may be.
        max: usize,
    },
    /// An instant cannot be written.
    #[error("instant that `{field}` is compared with lies outside the years 0 to 9999")]
    InstantOutOfRange {
        /// The field.
        field: String,
    },
    /// Something is nested too deep.
    #[error("{what} are nested deeper than {max} levels")]
    TooDeep {
        /// What is nested.
        what: &'static str,
        /// Most levels.
        max: usize,
    },
    /// There is too much of something.
    #[error("query has {n} {what}, more than {max}")]
    TooMany {
        /// What there is.
        what: &'static str,
        /// How much of it.
        n: usize,
        /// The most there may be.
        max: usize,
    },
    /// `OFFSET` leaves out too much.
    #[error("OFFSET {n} is more than {max}: go on behind the last Id instead")]
    OffsetTooLarge {
        /// The offset.
        n: u32,
        /// The most.
        max: u32,
    },
    /// A field is selected twice.
    #[error("`{name}` is selected twice")]
    Duplicate {
        /// The field or column.
        name: String,
    },
    /// `FIELDS()` may give too many records.
    #[error(
        "FIELDS({set}) needs LIMIT {MAX_FIELDS_RECORDS} or less, or at most {MAX_FIELDS_RECORDS} \
         Ids in WHERE"
    )]
    FieldsUnbounded {
        /// The set.
        set: &'static str,
    },
    /// A function over groups stands where records are meant.
    #[error(
        "{function}(`{field}`) cannot stand in {clause}: only HAVING and the order of groups take it"
    )]
    AggregateOfRecords {
        /// The function.
        function: &'static str,
        /// Its field.
        field: String,
        /// Where it stands.
        clause: &'static str,
    },
    /// A field has several values in a group.
    #[error("`{field}` is neither grouped nor aggregated: name it in GROUP BY")]
    NotGrouped {
        /// The field.
        field: String,
    },
    /// Two things of a query exclude each other.
    #[error("{what} cannot be used with {with}")]
    Exclusive {
        /// One.
        what: &'static str,
        /// The other.
        with: &'static str,
    },
    /// A query inside `IN` breaks its own rules.
    #[error("query inside the IN of `{field}` {rule}")]
    SemiJoin {
        /// The field on its left.
        field: String,
        /// What is asked of it.
        rule: &'static str,
    },
}
