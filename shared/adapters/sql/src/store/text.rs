//! Free text, in the form its engine can hold.
//!
//! PostgreSQL keeps no U+0000. There it is written as two others that begin with U+10FFFE, which
//! is no character and means nothing by itself.

use std::borrow::Cow;

use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Postgres, Sqlite, Type};

const MARK: char = '\u{10fffe}';

/// Returns `text` in the form PostgreSQL can hold.
pub(in crate::store) fn marked(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut marked = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => marked.extend([MARK, '0']),
            MARK => marked.extend([MARK, '1']),
            other => marked.push(other),
        }
    }
    Cow::Owned(marked)
}

/// Returns what [`marked`] was given.
pub(in crate::store) fn unmarked(text: String) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, if c == MARK { rest.next() } else { None }) {
            (MARK, Some('0')) => plain.push('\0'),
            (MARK, Some('1') | None) => plain.push(MARK),
            (MARK, Some(other)) => plain.extend([MARK, other]),
            (other, _) => plain.push(other),
        }
    }
    plain
}

/// A column of free text, read as it was written.
pub(in crate::store) struct StoredText(String);

impl From<StoredText> for String {
    fn from(text: StoredText) -> Self {
        text.0
    }
}

impl AsRef<str> for StoredText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Type<Sqlite> for StoredText {
    fn type_info() -> SqliteTypeInfo {
        <String as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <String as Type<Sqlite>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Sqlite> for StoredText {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        <String as Decode<'r, Sqlite>>::decode(value).map(Self)
    }
}

impl Type<Postgres> for StoredText {
    fn type_info() -> PgTypeInfo {
        <String as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <String as Type<Postgres>>::compatible(ty)
    }
}

impl<'r> Decode<'r, Postgres> for StoredText {
    fn decode(value: PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        <String as Decode<'r, Postgres>>::decode(value).map(|text| Self(unmarked(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_as_it_was_written_and_holds_no_zero_meanwhile() {
        for text in ["", "plain", "a\0b", "\0", "\u{10fffe}", "\u{10fffe}0\0\u{10fffe}\u{10ffff}"] {
            let held = marked(text);
            assert!(!held.contains('\0'));
            assert_eq!(unmarked(held.into_owned()), text);
        }
        assert!(matches!(marked("plain"), Cow::Borrowed(_)));
    }
}
