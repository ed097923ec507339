//! What the firm says about costs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::price_list::PriceList;
use crate::config::{Env, Fault};
use crate::error::chain;

/// Which prices count, and how much may be spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CostSettings {
    /// A price list of the firm's own, such as `prices.json`; the built-in list by default.
    pub price_list: Option<PathBuf>,
    /// How much may be spent before somebody is told.
    pub budgets: Vec<Budget>,
}

impl CostSettings {
    /// Reads `COST_PRICE_LIST`, a file, and `COST_BUDGETS`, a JSON list.
    pub fn read(env: &mut Env) -> Self {
        let price_list = env.get("COST_PRICE_LIST").map(PathBuf::from);
        let budgets = env.json::<Vec<Budget>>("COST_BUDGETS").unwrap_or_default();
        let settings = Self { price_list, budgets };
        for Fault { path, what } in settings.faults() {
            let path = path.replacen("price_list", "COST_PRICE_LIST", 1);
            env.fault(format!("{}: {what}", path.replacen("budgets", "COST_BUDGETS", 1)));
        }
        settings
    }

    /// Returns what is wrong although each setting is well formed by itself: the price list is read.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.prices().err().into_iter().collect();
        for (idx, budget) in self.budgets.iter().enumerate() {
            if self.budgets.iter().take(idx).any(|it| it.name == budget.name) {
                let what =
                    format!("`{}` names another budget already; choose another name", budget.name);
                faults.push(Fault::new(format!("budgets[{idx}].name"), what));
            }
            if budget.alert_at.contains(&0) {
                let what = "0 percent is reached at once: write 1 or more";
                faults.push(Fault::new(format!("budgets[{idx}].alert_at"), what));
            }
        }
        faults
    }

    /// Loads the price list.
    ///
    /// # Errors
    ///
    /// [`Fault`] naming the file and the fix.
    pub fn prices(&self) -> Result<PriceList, Fault> {
        let fault = |what: String| Fault::new("price_list", what);
        let Some(path) = &self.price_list else {
            return PriceList::built_in().map_err(|error| fault(chain(&error).to_string()));
        };
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| fault(format!("`{shown}` cannot be read: {error}")))?;
        PriceList::parse(&text).map_err(|error| fault(format!("`{shown}`: {}", chain(&error))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_price_list_names_the_file() {
        let settings =
            CostSettings { price_list: Some("no-such-prices.json".into()), ..Default::default() };
        let error = settings.prices().unwrap_err();
        assert!(error.to_string().contains("`no-such-prices.json` cannot be read"), "{error}");
    }

    #[test]
    fn a_function_is_told_every_fault_under_the_name_of_its_variable() {
        let mut env = Env::from_pairs([
            ("COST_PRICE_LIST", "no-such-prices.json"),
            ("COST_BUDGETS", r#"[{"name": "a", "period": "day", "limit": "1", "alert_at": [0]}]"#),
        ]);
        CostSettings::read(&mut env);
        let message = env.finish(None::<()>).unwrap_err().to_string();
        for fault in ["COST_PRICE_LIST: `no-such-prices.json`", "COST_BUDGETS[0].alert_at: 0"] {
            assert!(message.contains(fault), "{message}");
        }
    }

    #[test]
    fn two_budgets_of_one_name_are_refused() {
        let json = r#"{"budgets": [
            {"name": "ocr", "period": "month", "limit": "10"},
            {"name": "ocr", "period": "day", "limit": "1", "alert_at": [0]}]}"#;
        let settings: CostSettings = serde_json::from_str(json).unwrap();
        let faults: Vec<_> = settings.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("budgets[1].name"), "{faults:?}");
    }
}
