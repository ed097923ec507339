//! Amounts of money, small enough for one call and large enough for a year.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const NANOS: i64 = 1_000_000_000;

/// An amount in the currency of the price list, in whole billionths: a call may cost 0.0000004.
///
/// As text it is a decimal number such as `12.5`. Sums stop at the largest amount.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, example = "12.5", pattern = r"^\d+(\.\d{1,9})?$")
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^\d+(\.\d{1,9})?$", "examples" = ["12.5"]))]
pub struct Money(i64);

/// Text that is no amount of money.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not an amount: write such as `12.5`, with at most nine digits after the point")]
pub struct InvalidMoney {
    raw: String,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps billionths of the currency.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns billionths of the currency.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the price of `quantity` units at this price each.
    #[must_use]
    pub fn times(self, quantity: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(quantity).unwrap_or(i64::MAX)))
    }

    /// Returns which share of `whole` this is, in whole percent rounded down; of nothing, any
    /// amount is more than everything.
    pub fn percent_of(self, whole: Self) -> u64 {
        let percent = match (self.0, whole.0) {
            (0, _) => 0,
            (_, 0) => return u64::MAX,
            (part, whole) => i128::from(part) * 100 / i128::from(whole),
        };
        u64::try_from(percent).unwrap_or(u64::MAX)
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / NANOS, (self.0 % NANOS).unsigned_abs());
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        let digits = format!("{rest:09}");
        match digits.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            digits => write!(f, "{sign}{whole}.{digits}"),
        }
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    fn from_str(raw: &str) -> Result<Self, InvalidMoney> {
        let invalid = || InvalidMoney { raw: raw.to_owned() };
        let (whole, rest) = raw.split_once('.').unwrap_or((raw, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(rest) || rest.len() > 9 {
            return Err(invalid());
        }
        let whole: i64 = whole.parse().map_err(|_| invalid())?;
        let rest: i64 = format!("{rest:0<9}").parse().map_err(|_| invalid())?;
        whole
            .checked_mul(NANOS)
            .and_then(|nanos| nanos.checked_add(rest))
            .map(Self)
            .ok_or_else(invalid)
    }
}

impl TryFrom<String> for Money {
    type Error = InvalidMoney;

    fn try_from(raw: String) -> Result<Self, InvalidMoney> {
        raw.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_as_decimals() {
        for (raw, nanos, shown) in [
            ("12.5", 12_500_000_000, "12.5"),
            ("0.0000004", 400, "0.0000004"),
            ("3", 3_000_000_000, "3"),
            ("0.00", 0, "0"),
        ] {
            let money: Money = raw.parse().unwrap();
            assert_eq!(money.as_nanos(), nanos, "{raw}");
            assert_eq!(money.to_string(), shown);
        }
        assert_eq!(Money::from_nanos(-5).to_string(), "-0.000000005");
    }

    #[test]
    fn what_is_no_amount_is_refused_with_the_form_to_write() {
        for raw in ["", "-1", "1,5", "$3", "1.", ".5", "0.0000000001", "99999999999999999999"] {
            let error = raw.parse::<Money>().unwrap_err();
            assert!(error.to_string().contains("write such as `12.5`"), "{error}");
        }
    }

    #[test]
    fn shares_are_whole_percents() {
        let ten: Money = "10".parse().unwrap();
        assert_eq!("7.99".parse::<Money>().unwrap().percent_of(ten), 79);
        assert_eq!(Money::ZERO.percent_of(Money::ZERO), 0);
        assert_eq!(ten.percent_of(Money::ZERO), u64::MAX);
    }
}
