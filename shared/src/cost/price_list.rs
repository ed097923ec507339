//! Prices, as a dated file that users can override.

use serde::Deserialize;

use super::money::Money;

/// The list that is built in.
const BUILT_IN: &str = include_str!("prices.json");

/// What a unit of one operation costs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The platform, such as `sqs`.
    pub platform: String,
    /// The operation; none for every operation that is not listed by itself.
    pub operation: Option<String>,
    /// What is billed, such as `call`, `page` or `credit`.
    pub unit: String,
    /// What one unit costs.
    pub price: Money,
    /// A remark for people.
    pub note: Option<String>,
}

/// A dated list of prices in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    version: String,
    currency: String,
    #[serde(default)]
    note: Option<String>,
    prices: Vec<Price>,
}

/// A price list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPriceList {
    /// It is not the JSON that a price list is.
    #[error(
        "the price list cannot be read: compare it with the built-in one (`moodbridge costs prices`)"
    )]
    Malformed(#[source] serde_json::Error),
    /// Two entries give one price.
    #[error("the price list names `{subject}` twice: keep one of them")]
    Twice {
        /// Platform, operation and unit.
        subject: String,
    },
}

impl PriceList {
    /// Returns the list that is built in.
    ///
    /// # Errors
    ///
    /// None in a build whose tests passed.
    pub fn built_in() -> Result<Self, InvalidPriceList> {
        Self::parse(BUILT_IN)
    }

    /// Returns the text of the list that is built in, to copy and change.
    pub fn built_in_text() -> &'static str {
        BUILT_IN
    }

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// [`InvalidPriceList`], which says what to change.
    pub fn parse(json: &str) -> Result<Self, InvalidPriceList> {
        let list: Self = serde_json::from_str(json).map_err(InvalidPriceList::Malformed)?;
        let mut subjects = std::collections::BTreeSet::new();
        for Price { platform, operation, unit, .. } in &list.prices {
            let operation = operation.as_deref().unwrap_or("*");
            let subject = format!("{platform} {operation} {unit}");
            if !subjects.insert(subject.clone()) {
                return Err(InvalidPriceList::Twice { subject });
            }
        }
        Ok(list)
    }

    /// Returns the date of the list, which stands beside every cost it made.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the currency, such as `USD`.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Returns the price of one `unit` of `operation`: its own, else that of the whole platform,
    /// else nothing.
    pub fn price(&self, platform: &str, operation: &str, unit: &str) -> Money {
        let found = |wanted: Option<&str>| {
            self.prices.iter().find(|it| {
                it.platform == platform && it.unit == unit && it.operation.as_deref() == wanted
            })
        };
        found(Some(operation)).or_else(|| found(None)).map_or(Money::ZERO, |it| it.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_price_of_an_operation_comes_before_that_of_its_platform() {
        let list = PriceList::built_in().unwrap();
        assert_eq!(list.price("s3", "get", "call").as_nanos(), 400);
        assert_eq!(list.price("s3", "put", "call").as_nanos(), 5_000);
        assert_eq!(list.price("nobody", "put", "call"), Money::ZERO);
    }

    #[test]
    fn a_price_that_is_given_twice_is_refused() {
        let twice = r#"{"version": "1", "currency": "EUR", "prices": [
            {"platform": "s3", "unit": "call", "price": "1"},
            {"platform": "s3", "unit": "call", "price": "2"}]}"#;
        let error = PriceList::parse(twice).unwrap_err();
        assert!(error.to_string().contains("`s3 * call` twice"), "{error}");
    }
}
