//! `moodbridge token`: a local token for scripts and `curl`.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use shared::auth::Role;
use shared::config::ConfigError;
use shared::ids::PersonId;
use shared::ports::{SystemClock, SystemRandom};
use shared::time::Timestamp;

use crate::auth::local_identity;
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// Whom the token shall stand for.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The person it stands for.
    #[arg(long, default_value = "me", value_name = "ID")]
    person: PersonId,
    /// A role of that person; may be given several times.
    #[arg(long = "role", default_value = "admin", value_name = "ROLE")]
    roles: Vec<Role>,
}

#[derive(Serialize)]
struct Given {
    token: String,
    expires_at: Timestamp,
    person: PersonId,
    roles: Vec<Role>,
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.token)
    }
}

/// Prints a token that the process of this data folder takes for 15 minutes.
///
/// # Errors
///
/// When the settings name an issuer, or the key cannot be read.
pub(crate) async fn run(
    args: TokenArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    if let Some(identity) = &settings.identity {
        return Err(ConfigError::new(vec![format!(
            "identity: local tokens are not taken where an issuer is set; get a token from `{}`",
            identity.issuer
        )])
        .into());
    }
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let identity = local_identity(settings, clock, random)?;
    let TokenArgs { person, roles } = args;
    let issued = identity.issue(&person, &roles);
    let given = Given {
        token: issued.token.expose().to_owned(),
        expires_at: issued.expires_at,
        person,
        roles,
    };
    output.answer(&given).map_err(|error| CommandError::failed("print the token", error))?;
    Ok(SUCCESS.into())
}
