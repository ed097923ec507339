//! Sends changes out: outbound messages and change events.

mod deliveries;
mod lane;
mod outbound;
mod subscription;

pub use subscription::{Subscription, SubscriptionKind, Wrapper};

pub(crate) use deliveries::Deliveries;
