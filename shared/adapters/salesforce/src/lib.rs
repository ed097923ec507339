//! Salesforce: a typed client of one org, and the org behind the CRM port.

pub mod bulk;
mod client;
mod crm;
pub mod error;
mod events;
mod grant;
mod http_time;
mod integration;
mod mappings;
mod number;
mod plan;
pub mod rest;
pub mod schema;
mod settings;
pub mod setup;
pub mod soap;
pub mod soql;

pub use client::{ApiUsage, AutoAssign, DuplicateRule, SalesforceClient, WriteOptions};
pub use crm::SalesforceCrm;
pub use error::{SalesforceFault, error_reference};
pub use events::{EventSettings, EventTopic, InvalidTopic};
pub use grant::{app, endpoints};
pub use integration::SalesforceIntegration;
pub use mappings::{PASSING_FIELDS, STANDARD, UnusableMappings, read_mappings, standard_mappings};
pub use plan::{CallMethod, CallPlan, PlanQuestion, Work};
pub use settings::{SalesforceAuth, SalesforceSettings};
