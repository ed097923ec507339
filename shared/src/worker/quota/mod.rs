//! Quotas that many processes share, such as a Salesforce org's daily calls.
//!
//! The ledger keeps one entry a connection, `quota/<platform>/<connection>`. A process leases a
//! chunk of calls at a time, so that a call costs no write; what it does not use comes back, and
//! what the platform reports corrects the count. See ADR 0011.

mod pool;
mod settings;
mod spent;
mod state;
mod tally;
#[cfg(test)]
mod tests;

pub use pool::{Quota, QuotaCall};
pub use settings::{QuotaSettings, QuotaWindow, Urgency};
pub use spent::QuotaSpent;
pub use state::{QuotaState, list};
