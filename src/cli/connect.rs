//! `moodbridge connect` and `disconnect`: a person lets MoodBridge read a platform.

mod advice;
mod flow;
mod org;
mod secret_file;
mod settings_file;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::config::Env;
use shared::ids::ConnectionId;
use shared::ports::{
    LocalSecrets, SecretAddress, SecretWriter, Secrets, SystemClock, SystemRandom,
};
use url::Url;
use wiring::PlatformSecrets;
use wiring::connecting::{HttpClient, HttpSettings, OAuthClient, RevokedKind, salesforce_app};

use self::flow::{Browser, SystemBrowser, agree};
use self::org::Org;
use self::settings_file::{Section, SettingsFile};
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to connect.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectCommand {
    /// Connects a Salesforce org: a person agrees in the browser, the refresh token is kept.
    Salesforce(SalesforceArgs),
}

/// How to connect a Salesforce org.
#[derive(Clone, Debug, Args)]
pub(crate) struct SalesforceArgs {
    /// The name of the connection here.
    #[arg(long, default_value = "main")]
    name: String,
    /// Where the person logs in: the org's My Domain, or `https://test.salesforce.com`.
    #[arg(long, value_name = "URL", default_value = "https://login.salesforce.com")]
    login_url: Url,
    /// The consumer key of the app, see docs/connect.md.
    #[arg(long, value_name = "KEY")]
    client_id: String,
    /// Where the consumer secret lies, such as `env:SALESFORCE_SECRET`, if the app asks for it.
    #[arg(long, value_name = "ADDRESS")]
    client_secret: Option<SecretAddress>,
    /// Where the refresh token is kept; a file in the data folder by default.
    #[arg(long, value_name = "ADDRESS")]
    refresh_token: Option<SecretAddress>,
    /// Shows a code to type on another device, for a machine without a browser.
    #[arg(long, conflicts_with = "no_browser")]
    device: bool,
    /// Prints the address instead of opening the browser.
    #[arg(long)]
    no_browser: bool,
    /// The port that the browser comes back to; it is part of the app's callback URL.
    #[arg(long, default_value_t = 1717)]
    port: u16,
    /// Prints the settings instead of writing them.
    #[arg(long)]
    print: bool,
}

/// Which connection to end.
#[derive(Debug, Args)]
pub(crate) struct DisconnectArgs {
    /// The name of the connection.
    name: String,
}

/// Where the settings are, and what is said while a person waits.
pub(crate) struct Place<'a> {
    pub(crate) config: Option<&'a Path>,
    pub(crate) data_dir: &'a Path,
}

impl Place<'_> {
    fn settings(&self) -> PathBuf {
        Settings::source(self.config, self.data_dir)
            .or_else(|| self.config.map(Path::to_path_buf))
            .unwrap_or_else(|| PathBuf::from(crate::settings::FILE_NAME))
    }
}

/// The parts that tests replace.
struct Means {
    http: HttpClient,
    secrets: Arc<dyn Secrets>,
    writer: Arc<dyn SecretWriter>,
    browser: Arc<dyn Browser>,
}

impl Means {
    fn of_this_machine() -> Result<Self, CommandError> {
        let http =
            HttpClient::new(HttpSettings::default(), Arc::new(SystemClock), Arc::new(SystemRandom))
                .map_err(|error| CommandError::failed("prepare the HTTP client", error))?;
        Ok(Self {
            http,
            secrets: Arc::new(PlatformSecrets::new(LocalSecrets::new(Env::of_process()))),
            writer: Arc::new(PlatformSecrets::new(LocalSecrets::new(Env::of_process()))),
            browser: Arc::new(SystemBrowser),
        })
    }
}

/// What was connected, and what comes next.
#[derive(Debug, Serialize)]
struct Connected {
    connection: String,
    #[serde(flatten)]
    org: Org,
    refresh_token: String,
    settings: PathBuf,
    written: bool,
    diff: String,
    next: String,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, org, refresh_token, settings, written, diff, next } = self;
        writeln!(f, "connected `{connection}` to {org}")?;
        writeln!(f, "refresh token: {refresh_token}")?;
        let verb = if *written { "written" } else { "not written, add this yourself" };
        writeln!(f, "settings: {} ({verb})\n{diff}\nnext: {next}", settings.display())
    }
}

/// Connects what `command` names.
///
/// # Errors
///
/// When the person or the platform refuses, or the connection cannot be kept; each says the fix.
pub(crate) async fn run(
    command: ConnectCommand,
    place: &Place<'_>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let ConnectCommand::Salesforce(args) = command;
    let connected = connect(&args, place, &Means::of_this_machine()?).await?;
    output.answer(&connected).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn connect(
    args: &SalesforceArgs,
    place: &Place<'_>,
    means: &Means,
) -> Result<Connected, CommandError> {
    let name = ConnectionId::parse(args.name.as_str())
        .map_err(|error| CommandError::failed("name the connection (`--name`)", error))?;
    let path = place.settings();
    let mut file = SettingsFile::read(&path)?;
    let address = match &args.refresh_token {
        Some(address) => address.clone(),
        None => secret_file::address(place.data_dir, &name)?,
    };
    let app = salesforce_app(
        name.as_str(),
        &args.login_url,
        &args.client_id,
        args.client_secret.as_ref(),
    );
    let client =
        OAuthClient::new(app, means.http.clone(), means.secrets.clone(), Arc::new(SystemClock));
    let grant = agree(args, &client, &*means.browser).await?;
    let refresh_token = grant
        .refresh_token
        .clone()
        .ok_or_else(|| CommandError::failed("keep the connection", advice::NoRefreshToken))?;
    let kept = async {
        let org = Org::examine(&means.http, &grant).await?;
        // First the token, then the settings that name it.
        means.writer.write(&address, &refresh_token).await.map_err(|error| {
            CommandError::failed(format!("keep the refresh token at `{address}`"), error)
        })?;
        let section = Section {
            name: name.as_str(),
            login_url: &args.login_url,
            client_id: &args.client_id,
            client_secret: args.client_secret.as_ref(),
            refresh_token: &address,
        };
        let diff = file.put(&section)?;
        if !args.print {
            file.write()?;
        }
        Ok(Connected {
            connection: name.to_string(),
            org,
            refresh_token: address.to_string(),
            settings: path,
            written: !args.print,
            diff,
            next: "moodbridge config check && moodbridge serve".to_owned(),
        })
    }
    .await;
    if kept.is_err() {
        // Nothing is kept, so nothing may go on working over there.
        let _ = client.revoke(&refresh_token, RevokedKind::RefreshToken).await;
    }
    kept
}

/// What was ended.
#[derive(Debug, Serialize)]
struct Disconnected {
    connection: String,
    revoked: bool,
    settings: PathBuf,
    diff: String,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, revoked, settings, diff } = self;
        let what = if *revoked { "its permission is revoked" } else { "it held no permission" };
        writeln!(f, "disconnected `{connection}`: {what}")?;
        write!(f, "settings: {} (written)\n{diff}", settings.display())
    }
}

/// Revokes a connection's permission and takes it out of the settings.
///
/// # Errors
///
/// When there is no such connection, or its platform cannot be told.
pub(crate) async fn end(
    args: &DisconnectArgs,
    place: &Place<'_>,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let ended = disconnect(&args.name, place, &Means::of_this_machine()?).await?;
    output.answer(&ended).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn disconnect(
    name: &str,
    place: &Place<'_>,
    means: &Means,
) -> Result<Disconnected, CommandError> {
    let path = place.settings();
    let mut file = SettingsFile::read(&path)?;
    let (diff, kept) = file.remove(name)?;
    let mut revoked = false;
    if let Some(kept) = kept {
        let app =
            salesforce_app(name, &kept.login_url, &kept.client_id, kept.client_secret.as_ref());
        let client =
            OAuthClient::new(app, means.http.clone(), means.secrets.clone(), Arc::new(SystemClock));
        let tried = || format!("revoke the permission of `{name}`");
        match means.secrets.read(&kept.refresh_token).await {
            Ok(token) => {
                client
                    .revoke(&token, RevokedKind::RefreshToken)
                    .await
                    .map_err(|error| CommandError::failed(tried(), error))?;
                revoked = true;
            }
            Err(error) if error.kind() == shared::PortErrorKind::NotFound => {}
            Err(error) => return Err(CommandError::failed(tried(), error)),
        }
        secret_file::forget(&kept.refresh_token)?;
    }
    file.write()?;
    Ok(Disconnected { connection: name.to_owned(), revoked, settings: path, diff })
}

#[cfg(test)]
mod tests;
