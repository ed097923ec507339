//! What an estimate is made of: prices, and how much of each a month takes.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use crate::cost::Money;

/// The model that is built in.
const AWS: &str = include_str!("aws.json");

/// A quantity in whole thousandths: half a call a change is 500.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thousandths(pub(super) u64);

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The deployment itself was asked.
    Measured,
    /// It follows from the code, the metadata of functions or Terraform.
    Counted,
    /// Somebody thought so; the reason stands beside it.
    Assumed,
}

/// Prices and quantities of one cloud.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostModel {
    /// The day of the prices.
    pub version: String,
    /// The region whose prices they are.
    pub region: String,
    /// The currency.
    pub currency: String,
    /// What must be known about them.
    pub note: String,
    pub(super) prices: Vec<ListPrice>,
    pub(super) functions: Vec<FunctionModel>,
    pub(super) services: Vec<ServiceModel>,
}

/// What some units of a thing cost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPrice {
    pub(super) name: String,
    pub(super) service: String,
    /// What is billed, for whoever reads the list.
    unit: String,
    pub(super) price: Money,
    pub(super) per: u64,
    /// The page that it is from.
    source: String,
}

/// How often a function is called, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FunctionModel {
    pub(super) function: String,
    #[serde(default)]
    pub(super) what: Option<String>,
    #[serde(default)]
    pub(super) calls_per_month: Thousandths,
    #[serde(default)]
    pub(super) calls_per_change: Thousandths,
    /// Lambda bills whole milliseconds.
    pub(super) ms_per_call: u64,
    #[serde(default)]
    pub(super) ms_per_change: Thousandths,
    pub(super) basis: Basis,
    pub(super) why: String,
}

/// How much of a price a month takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceModel {
    pub(super) price: String,
    pub(super) what: String,
    #[serde(default)]
    pub(super) per_month: Thousandths,
    #[serde(default)]
    pub(super) per_change: Thousandths,
    /// Whether it costs the same without any change, and can be done without.
    #[serde(default)]
    pub(super) is_fixed: bool,
    pub(super) basis: Basis,
    pub(super) why: String,
}

/// A model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCostModel {
    /// It is not the JSON that a model is.
    #[error(
        "the prices cannot be read: compare them with the built-in ones (`moodbridge costs prices --cloud aws`)"
    )]
    Malformed(#[source] serde_json::Error),
    /// A price is missing, named twice, or for nothing.
    #[error("the price `{name}` {fault}")]
    BadPrice {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// The prices that functions are billed by.
pub(super) const REQUESTS: &str = "lambda-requests";
pub(super) const GB_SECONDS: &str = "lambda-gb-seconds";

impl CostModel {
    /// Returns the model of AWS that is built in.
    ///
    /// # Errors
    ///
    /// None in a build whose tests passed.
    pub fn aws() -> Result<Self, InvalidCostModel> {
        Self::parse(AWS)
    }

    /// Returns the text of it, to copy and change.
    pub fn aws_text() -> &'static str {
        AWS
    }

    /// Reads a model.
    ///
    /// # Errors
    ///
    /// [`InvalidCostModel`], which says what to change.
    pub fn parse(json: &str) -> Result<Self, InvalidCostModel> {
        let model: Self = serde_json::from_str(json).map_err(InvalidCostModel::Malformed)?;
        let bad = |name: &str, fault| InvalidCostModel::BadPrice { name: name.to_owned(), fault };
        let mut names = BTreeSet::new();
        for price in &model.prices {
            if !names.insert(price.name.as_str()) {
                return Err(bad(&price.name, "stands there twice: keep one of them"));
            }
            if price.per == 0 {
                return Err(bad(&price.name, "is for no unit: write a `per` above 0"));
            }
        }
        let needed = model.services.iter().map(|it| it.price.as_str());
        let missing = needed.chain([REQUESTS, GB_SECONDS]).find(|it| !names.contains(it));
        if let Some(missing) = missing {
            return Err(bad(missing, "is used and does not stand among the prices"));
        }
        Ok(model)
    }
}

impl<'de> Deserialize<'de> for Thousandths {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value was checked to be in range"
    )]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        let thousandths = (number * 1000.0).round();
        let is_exact = (thousandths / 1000.0 - number).abs() < 1e-9;
        if (0.0..1e15).contains(&thousandths) && is_exact {
            return Ok(Self(thousandths as u64));
        }
        Err(serde::de::Error::custom(format!(
            "`{number}` is no quantity: write a positive number with at most three digits after the \
             point"
        )))
    }
}
