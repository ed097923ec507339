//! Decimal numbers and amounts of money, exact to the last digit.

use std::fmt;

/// Most digits of a number. Source: field types, "Number": 18 digits; computed values have more.
const MAX_DIGITS: usize = 64;

/// Text that is no number or no currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{raw}` is not {wanted}")]
pub struct InvalidNumber {
    raw: String,
    wanted: &'static str,
}

/// A decimal number as it is written: `-12.50`. Leading zeros and a plus are dropped, zeros at the
/// end stay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

impl Number {
    /// Reads digits with an optional sign and an optional fraction, at most 64 digits.
    ///
    /// # Errors
    /// [`InvalidNumber`] for anything else, such as `1e5` or `.5`.
    pub fn parse(raw: &str) -> Result<Self, InvalidNumber> {
        Self::canonical(raw).map(Self).ok_or_else(|| InvalidNumber {
            raw: raw.to_owned(),
            wanted: "a decimal number, such as `-12.50`",
        })
    }

    fn canonical(raw: &str) -> Option<String> {
        let unsigned = raw.strip_prefix(['-', '+']).unwrap_or(raw);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let n_digits = whole.len() + fraction.map_or(0, str::len);
        if !is_digits(whole) || !fraction.is_none_or(is_digits) || n_digits > MAX_DIGITS {
            return None;
        }
        let is_negative =
            raw.starts_with('-') && unsigned.bytes().any(|b| matches!(b, b'1'..=b'9'));
        let mut text = String::with_capacity(raw.len());
        if is_negative {
            text.push('-');
        }
        let significant = whole.trim_start_matches('0');
        text.push_str(if significant.is_empty() { "0" } else { significant });
        if let Some(fraction) = fraction {
            text.push('.');
            text.push_str(fraction);
        }
        Some(text)
    }

    /// Returns the number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the number lies below zero.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }
}

impl From<i64> for Number {
    fn from(whole: i64) -> Self {
        Self(whole.to_string())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount in a named currency: `USD5000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    code: String,
    amount: Number,
}

impl Money {
    /// Wraps `amount`, not below zero, of the currency with the ISO 4217 `code` in capitals.
    ///
    /// # Errors
    /// [`InvalidNumber`] when `code` is not three capitals, or `amount` lies below zero.
    pub fn new(code: &str, amount: Number) -> Result<Self, InvalidNumber> {
        let refused = |raw: &str, wanted| Err(InvalidNumber { raw: raw.to_owned(), wanted });
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return refused(code, "a currency code of three capitals, such as `USD`");
        }
        if amount.is_negative() {
            return refused(amount.as_str(), "an amount that SOQL can write: not below zero");
        }
        Ok(Self { code: code.to_owned(), amount })
    }

    /// Reads `USD5000.50`.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (code, amount) = word.split_at_checked(3)?;
        amount.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
        Self::new(code, Number::parse(amount).ok()?).ok()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.code, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_kept_to_its_last_digit() {
        for (raw, kept) in [
            ("0", "0"),
            ("-0.0", "0.0"),
            ("+007.50", "7.50"),
            ("-12", "-12"),
            ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ] {
            assert_eq!(Number::parse(raw).unwrap().as_str(), kept);
        }
        assert_eq!(Number::from(i64::MIN).as_str(), "-9223372036854775808");
    }

    #[test]
    fn text_that_is_no_decimal_number_is_refused() {
        for raw in ["", "-", "1.", ".5", "1e5", "NaN", "1 OR 1", "0x1", "1.2.3", "--1", "١"] {
            assert!(Number::parse(raw).is_err(), "`{raw}` was taken");
        }
        assert!(Number::parse(&"9".repeat(65)).is_err());
    }

    #[test]
    fn money_carries_its_currency() {
        let money = Money::new("USD", Number::from(5000)).unwrap();
        assert_eq!(money.to_string(), "USD5000");
        assert_eq!(Money::parse("USD5000"), Some(money));
        assert!(Money::new("usd", Number::from(1)).is_err());
        assert!(Money::new("USD", Number::from(-1)).is_err());
        assert_eq!(Money::parse("USD"), None);
        assert_eq!(Money::parse("USD-1"), None);
    }
}
