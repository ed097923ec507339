//! Takes webhooks, proves who sent them, and queues each change once before it answers.
//!
//! `docs/webhooks.md` lists the endpoints, the settings and the answer to every bad input.

mod answer;
mod app;
mod body;
mod change_events;
mod changed_fields;
mod config;
mod endpoints;
mod intake;
mod outbound_message;
mod refusal;
mod senders;
mod settings;
mod signed_webhook;
mod soap;

pub use app::{app, assemble};
pub use config::Config;
pub use endpoints::router;
pub use intake::{Intake, Limits};
pub use senders::Senders;
pub use settings::{
    AllowedNetwork, ApiKeySettings, ClientAddressSettings, ClientCertificateSettings,
    ConnectionSettings, IntakeSettings, SignatureSettings, SourceSettings, Tolerance,
};
