//! Salesforce behind the CRM port: OAuth, REST queries, record reads.

mod api_usage;
mod crm;
mod fault;
mod grant;
mod integration;
mod mappings;
mod page;
pub mod schema;
mod session;
mod settings;
pub mod soql;

pub use api_usage::ApiUsage;
pub use crm::SalesforceCrm;
pub use fault::SalesforceFault;
pub use grant::{app, endpoints};
pub use integration::SalesforceIntegration;
pub use mappings::{STANDARD, UnusableMappings, read_mappings, standard_mappings};
pub use settings::{SalesforceAuth, SalesforceSettings};
