//! What Salesforce says when it says no: one table of codes, and what each means for us.

mod class;
mod codes;
mod fault;
mod reference;
#[cfg(test)]
mod tests;

pub use class::{ErrorClass, Replan, Window};
pub use codes::ErrorCode;
pub use fault::SalesforceFault;
pub(crate) use fault::{Entry, entries, error_of, is_session_expired, with_fault};
pub use reference::error_reference;
