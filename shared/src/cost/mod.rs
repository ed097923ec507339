//! What calls to platforms cost: prices, who a call was made for, and budgets.

mod budget;
pub mod estimate;
mod meter;
mod money;
mod price_list;
mod settings;
mod work;

pub use budget::{Budget, BudgetPeriod, BudgetState, check_budgets};
pub use meter::{CostMeter, day_of};
pub use money::{InvalidMoney, Money};
pub use price_list::{InvalidPriceList, Price, PriceList};
pub use settings::CostSettings;
pub use work::{Work, attributed, current_work};
