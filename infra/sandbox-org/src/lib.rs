//! A Salesforce org on loopback, for development and tests.
//!
//! [`Sandbox::start`] serves an org with the rows of an invented law firm: OAuth and SOAP login, describe,
//! records, collections, queries with paging. It sends outbound messages and change events for every commit.

mod activity;
mod admin;
mod api;
mod auth;
mod bulk;
mod calendar;
mod canonical;
mod clock;
mod connections;
mod deliver;
mod digest;
mod events;
mod faults;
mod history;
mod ids;
mod journal;
mod limits;
mod open;
mod org;
mod pubsub;
mod random;
mod sandbox;
mod schema;
mod seed;
mod server;
mod settings;
mod setup;
mod soap;
mod soql;
mod texts;
mod transaction;

pub use bulk::{BulkPace, BulkSettings};
pub use clock::Clock;
pub use deliver::{Subscription, SubscriptionKind, Wrapper};
pub use journal::JournalError;
pub use org::{DuplicateRule, OrgError, Policy, ValidationRule};
pub use pubsub::{EventChannel, ManagedSubscription, PlatformEvent, PubSubSettings};
pub use sandbox::{Background, RunningSandbox, Sandbox, SandboxError};
pub use schema::SchemaError;
pub use seed::SeedError;
pub use settings::{ConnectedApp, LoginRefusal, LoginSettings, Seed, Settings};

/// The schema file of the org.
pub(crate) const OBJECTS: &str = include_str!("../data/objects.schema");

#[cfg(test)]
mod tests;
