//! Values in a query, each written by its type so that none can break out.

use shared::ids::SalesforceId;
use shared::time::Timestamp;

use super::date::{Date, RelativeDate};
use super::number::{Money, Number};

/// A value in a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// No value: `null`.
    Null,
    /// `TRUE` or `FALSE`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// An amount with its currency.
    Money(Money),
    /// Text, in quotes and escaped; at most 4,000 characters when written.
    Text(String),
    /// A day.
    Date(Date),
    /// An instant; the org compares to the second.
    Instant(Timestamp),
    /// A span of days that moves with the calendar.
    Relative(RelativeDate),
}

impl Literal {
    /// Wraps text.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// Appends the value as SOQL.
    pub(super) fn write(&self, soql: &mut String) {
        match self {
            Self::Null => soql.push_str("null"),
            Self::Bool(true) => soql.push_str("TRUE"),
            Self::Bool(false) => soql.push_str("FALSE"),
            Self::Number(number) => soql.push_str(number.as_str()),
            Self::Money(money) => soql.push_str(&money.to_string()),
            Self::Text(text) => {
                soql.push('\'');
                push_escaped(soql, text);
                soql.push('\'');
            }
            Self::Date(date) => soql.push_str(&date.to_string()),
            Self::Instant(at) => soql.push_str(&at.to_string()),
            Self::Relative(date) => soql.push_str(&date.to_string()),
        }
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<Number> for Literal {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<Money> for Literal {
    fn from(value: Money) -> Self {
        Self::Money(value)
    }
}

impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Self::text(value)
    }
}

impl From<String> for Literal {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&SalesforceId> for Literal {
    fn from(value: &SalesforceId) -> Self {
        Self::text(value.as_str())
    }
}

impl From<Date> for Literal {
    fn from(value: Date) -> Self {
        Self::Date(value)
    }
}

impl From<Timestamp> for Literal {
    fn from(value: Timestamp) -> Self {
        Self::Instant(value)
    }
}

impl From<RelativeDate> for Literal {
    fn from(value: RelativeDate) -> Self {
        Self::Relative(value)
    }
}

/// Appends `text` so that it stays inside single quotes.
///
/// One pass over the characters, so that no escape is escaped again. Control characters have no
/// place in an address, so they are written as `\uXXXX` where SOQL has no letter for them.
/// Source: SOQL and SOSL reference, "Quoted string escape sequences".
pub(super) fn push_escaped(soql: &mut String, text: &str) {
    // Ids and most words hold nothing to escape.
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ') {
        soql.push_str(text);
        return;
    }
    for character in text.chars() {
        match escape(character) {
            Some(letter) => soql.extend(['\\', letter]),
            None if character.is_control() => {
                soql.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            None => soql.push(character),
        }
    }
}

fn escape(character: char) -> Option<char> {
    Some(match character {
        '\\' | '\'' | '"' => character,
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{7}' => 'b',
        '\u{c}' => 'f',
        _ => return None,
    })
}

/// Reads one escape behind its backslash; `None` when SOQL has no such escape.
pub(super) fn unescape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match characters.next()? {
        plain @ ('\\' | '\'' | '"') => plain,
        'n' | 'N' => '\n',
        'r' | 'R' => '\r',
        't' | 'T' => '\t',
        'b' | 'B' => '\u{7}',
        'f' | 'F' => '\u{c}',
        'u' | 'U' => {
            let digits = characters.as_str().get(..4)?;
            // `from_str_radix` would take a sign.
            digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            *characters = characters.as_str().get(4..)?.chars();
            char::from_u32(code)?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: impl Into<Literal>) -> String {
        let mut soql = String::new();
        value.into().write(&mut soql);
        soql
    }

    /// Reads a quoted string as the org does; `None` when it ends early or has a bad escape.
    fn unquote(quoted: &str) -> Option<String> {
        let mut characters = quoted.strip_prefix('\'')?.chars();
        let mut value = String::new();
        loop {
            match characters.next()? {
                '\'' => return characters.next().is_none().then_some(value),
                '\\' => value.push(unescape(&mut characters)?),
                other => value.push(other),
            }
        }
    }

    #[test]
    fn values_are_written_by_their_type() {
        assert_eq!(written("O'Neil \\ \"x\"\n"), r#"'O\'Neil \\ \"x\"\n'"#);
        assert_eq!(written("\u{7}\u{8}\u{0}\u{85}"), r"'\b\u0008\u0000\u0085'");
        assert_eq!(written(-5), "-5");
        assert_eq!(written(true), "TRUE");
        assert_eq!(written(Literal::Null), "null");
        assert_eq!(written(Date::new(2026, 1, 31).unwrap()), "2026-01-31");
        let at = Timestamp::parse("2026-01-31T10:00:00+02:00").unwrap();
        assert_eq!(written(at), "2026-01-31T08:00:00.000Z");
        assert_eq!(written(RelativeDate::Today), "TODAY");
        assert_eq!(written(Money::new("EUR", Number::from(7)).unwrap()), "EUR7");
        let id = SalesforceId::parse("5005f00002J9YYE").unwrap();
        assert_eq!(written(&id), format!("'{id}'"));
    }

    #[test]
    fn escapes_that_soql_lacks_are_refused() {
        for escape in ["q", "u12", "u+123", "uD800", "%", "_", "", "u12g4"] {
            assert_eq!(unescape(&mut escape.chars()), None, "`\\{escape}` was taken");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_quotes(value in any::<String>()) {
            prop_assert_eq!(unquote(&written(value.clone())), Some(value));
        }

        #[test]
        fn text_made_of_quotes_and_backslashes_stays_inside(value in r#"[\\'" \n]{0,20}"#) {
            prop_assert_eq!(unquote(&written(value.clone())), Some(value));
        }
    }
}
