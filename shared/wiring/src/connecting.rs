//! What connecting a platform by a person's agreement takes; the command line knows no adapter.

pub use adapter_http::oauth::{
    Grant, Loopback, LoopbackFault, OAuthClient, OAuthRefusal, RevokedKind,
};
pub use adapter_http::{HttpClient, HttpSettings, Request};
pub use adapter_salesforce::setup::{BY_HAND, EXTERNAL_ID, Prepared, PreparedThing};
pub use adapter_salesforce::{PASSING_FIELDS, app as salesforce_app, standard_mappings};
