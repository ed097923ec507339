//! Log in: OAuth, SOAP, and the tokens they give.

mod authorize;
mod device;
mod grants;
mod oauth;
mod sessions;
mod token_info;

pub(crate) use authorize::{Consent, authorize, decide};
pub(crate) use device::{approval_page, approve};
pub(crate) use grants::Grants;
pub(crate) use oauth::{identity, token, user_info};
pub(crate) use sessions::{Sessions, random_text};
pub(crate) use token_info::{introspect, revoke};
