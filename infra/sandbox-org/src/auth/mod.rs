//! Log in: OAuth, SOAP, and the tokens they give.

mod oauth;
mod sessions;
pub(crate) mod soap;

pub(crate) use oauth::{identity, revoke, token, user_info};
pub(crate) use sessions::Sessions;
pub(crate) use soap::login as soap_login;
