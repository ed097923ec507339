//! Names that may stand in a query. Names cannot be quoted in SOQL, so their form is their safety.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Parents that a path may climb. Source: SOQL and SOSL reference, "Relationship queries, limits".
const MAX_PARENTS: usize = 5;

/// Longest name of one field, relationship or alias, in characters.
const MAX_SEGMENT: usize = 80;

/// Words that begin or join clauses: alone they are neither a field nor an alias.
/// Source: SOQL and SOSL reference, "Reserved keywords", and the words of the clauses behind FROM.
const RESERVED: &[&str] = &[
    "AND", "ASC", "DESC", "EXCLUDES", "FALSE", "FIRST", "FOR", "FROM", "GROUP", "HAVING", "IN",
    "INCLUDES", "LAST", "LIKE", "LIMIT", "NOT", "NULL", "NULLS", "OFFSET", "OR", "ORDER", "SELECT",
    "TRUE", "TYPEOF", "UPDATE", "USING", "WHERE", "WITH",
];

/// Text that is no name of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{raw}` is not {wanted}")]
pub struct InvalidName {
    raw: String,
    wanted: &'static str,
}

/// Declares a name whose only door is `parse`.
macro_rules! soql_name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps `raw`.
            ///
            /// # Errors
            /// [`InvalidName`] when `raw` breaks the rule stated on the type.
            pub fn parse(raw: impl Into<String>) -> Result<Self, InvalidName> {
                let raw = raw.into();
                let check: fn(&str) -> bool = $check;
                if check(&raw) { Ok(Self(raw)) } else { Err(InvalidName { raw, wanted: $wanted }) }
            }

            /// Returns the name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Tells whether both name the same thing: case does not count.
            pub fn is_same(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(raw: String) -> Result<Self, InvalidName> {
                Self::parse(raw)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

soql_name!(
    /// A field, or one reached over up to five parents: `Subject`, `Account.Owner.Name`. Each part
    /// is a letter and up to 79 letters, digits and underscores.
    FieldPath,
    "the name of a field, such as `Subject` or `Account.Owner.Name` with at most five dots",
    |raw| {
        let n_dots = raw.bytes().filter(|b| *b == b'.').count();
        n_dots <= MAX_PARENTS && raw.split('.').all(is_segment) && (n_dots > 0 || !is_reserved(raw))
    }
);

soql_name!(
    /// A short name given in the query: a letter and up to 79 letters, digits and underscores, and
    /// none of the language's own words.
    Alias,
    "an alias: letters, digits and underscores, starting with a letter, and no word of SOQL",
    |raw| is_segment(raw) && !is_reserved(raw)
);

impl FieldPath {
    /// Returns the field that every object has.
    pub fn id() -> Self {
        Self("Id".to_owned())
    }

    /// Returns the field itself: `Name` of `Account.Owner.Name`.
    pub fn field(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }

    /// Returns the way to it: `Account.Owner` of `Account.Owner.Name`; `None` for a field of the
    /// object itself.
    pub fn parents(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(parents, _)| parents)
    }

    /// Returns its parts, the field last.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Returns the path without its first part, when that is one of `own`: the alias of the object
    /// or its name.
    pub(super) fn without_own(&self, own: &[&str]) -> &str {
        match self.0.split_once('.') {
            Some((first, rest)) if own.iter().any(|it| it.eq_ignore_ascii_case(first)) => rest,
            _ => &self.0,
        }
    }
}

fn is_segment(raw: &str) -> bool {
    raw.len() <= MAX_SEGMENT
        && raw.starts_with(|c: char| c.is_ascii_alphabetic())
        && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|it| it.eq_ignore_ascii_case(word))
}

/// Tells whether FROM may name an object `word`: no word of the language but those that are
/// standard objects too.
pub(super) fn may_name_object(word: &str) -> bool {
    let is_object = ["Group", "Order"].iter().any(|it| it.eq_ignore_ascii_case(word));
    is_object || !is_reserved(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_has_up_to_five_parents() {
        let path = FieldPath::parse("A.B.C.D.E.Name").unwrap();
        assert_eq!((path.parents(), path.field()), (Some("A.B.C.D.E"), "Name"));
        let error = FieldPath::parse("A.B.C.D.E.F.Name").unwrap_err();
        assert!(error.to_string().contains("at most five dots"), "{error}");
    }

    #[test]
    fn names_of_another_form_are_refused() {
        for raw in ["", ".", "A.", ".A", "A..B", "1a", "_a", "a-b", "a b", "é", "a'", "a,b", "a(b)"]
        {
            assert!(FieldPath::parse(raw).is_err(), "`{raw}` was taken");
        }
        assert!(FieldPath::parse("x".repeat(80)).is_ok());
        assert!(FieldPath::parse("x".repeat(81)).is_err());
    }

    #[test]
    fn words_of_the_language_are_no_names_of_their_own() {
        for raw in ["from", "NOT", "Null", "true", "limit", "TypeOf"] {
            assert!(FieldPath::parse(raw).is_err(), "`{raw}` was taken as a field");
            assert!(Alias::parse(raw).is_err(), "`{raw}` was taken as an alias");
        }
        assert!(FieldPath::parse("Group.Name").is_ok());
        assert!(Alias::parse("a.b").is_err());
    }

    #[test]
    fn alias_and_object_name_in_front_say_nothing() {
        let path = FieldPath::parse("c.Account.Name").unwrap();
        assert_eq!(path.without_own(&["Case", "C"]), "Account.Name");
        assert_eq!(path.without_own(&["Case"]), "c.Account.Name");
    }

    proptest! {
        #[test]
        fn no_name_holds_anything_but_letters_digits_underscores_and_dots(raw in any::<String>()) {
            let is_plain = raw.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
            prop_assert!(is_plain || FieldPath::parse(raw.clone()).is_err());
            prop_assert!(is_plain || Alias::parse(raw).is_err());
        }

        #[test]
        fn name_with_an_attack_is_refused(
            raw in "[A-Za-z]{1,8}[ ,'()\\-;\n]{1,3}[A-Za-z]{1,8}"
        ) {
            prop_assert!(FieldPath::parse(raw).is_err());
        }
    }
}
