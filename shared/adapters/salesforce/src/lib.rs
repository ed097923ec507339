//! Salesforce behind the CRM port: OAuth, REST queries, record reads.

mod api_usage;
mod crm;
mod events;
mod fault;
mod grant;
mod integration;
mod page;
mod remote_sessions;
mod session;
mod settings;
mod soql;

pub use api_usage::ApiUsage;
pub use crm::SalesforceCrm;
pub use events::{EventSettings, EventTopic, InvalidTopic};
pub use fault::SalesforceFault;
pub use grant::{app, endpoints};
pub use integration::SalesforceIntegration;
pub use settings::{SalesforceAuth, SalesforceSettings};
