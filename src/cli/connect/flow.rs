//! The person agrees: in a browser of this machine, or with a code on another device.

use std::process::{Command, Stdio};
use std::time::Duration;

use url::Url;
use wiring::connecting::{Grant, Loopback, OAuthClient};

use super::{SalesforceArgs, advice};
use crate::exit::CommandError;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// The path that the browser comes back to, that of Salesforce's own command line.
const PATH: &str = "/OauthRedirect";

/// What reading needs, and going on without the person.
const SCOPES: [&str; 3] = ["api", "refresh_token", "openid"];

/// Shows a page to the person.
pub(super) trait Browser: Send + Sync {
    /// Opens `url`; false when there is no browser.
    fn open(&self, url: &Url) -> bool;

    /// Tells the person something while they wait.
    fn tell(&self, text: &str);
}

/// The browser of this machine.
pub(super) struct SystemBrowser;

impl Browser for SystemBrowser {
    fn open(&self, url: &Url) -> bool {
        let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut command = Command::new(program);
        command.arg(url.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().is_ok()
    }

    #[expect(clippy::print_stderr, reason = "standard output holds the answer")]
    fn tell(&self, text: &str) {
        eprintln!("{text}");
    }
}

/// Waits until the person has agreed.
///
/// # Errors
///
/// When they or the org refuse, with the fix.
pub(super) async fn agree(
    args: &SalesforceArgs,
    client: &OAuthClient,
    browser: &dyn Browser,
) -> Result<Grant, CommandError> {
    if args.device {
        with_device(client, browser).await
    } else {
        with_browser(args, client, browser).await
    }
}

async fn with_browser(
    args: &SalesforceArgs,
    client: &OAuthClient,
    browser: &dyn Browser,
) -> Result<Grant, CommandError> {
    let redirect = format!("http://localhost:{}{PATH}", args.port);
    let failed = |fault| {
        let advised = advice::on_browser(fault, &redirect);
        CommandError::failed("get permission in the browser", advised)
    };
    let loopback = Loopback::listen("localhost", args.port, PATH).await.map_err(failed)?;
    let scopes = SCOPES.map(str::to_owned);
    let request = client
        .begin_authorization(loopback.redirect().clone(), &scopes, &[("prompt", "login consent")])
        .await
        .map_err(|error| CommandError::failed("ask for permission", error))?;
    if args.no_browser || !browser.open(request.url()) {
        browser.tell(&format!(
            "open this address in a browser of this machine:\n\n{}\n",
            request.url()
        ));
    } else {
        browser
            .tell("the browser asks you to log in and allow access; waiting for up to 5 minutes");
    }
    let state = request.state().clone();
    let code = loopback.code(&state, PATIENCE).await.map_err(failed)?;
    client.finish_authorization(request, &code).await.map_err(|error| {
        CommandError::failed("exchange the code", advice::on_token(error, &redirect))
    })
}

async fn with_device(client: &OAuthClient, browser: &dyn Browser) -> Result<Grant, CommandError> {
    let failed = |error| {
        CommandError::failed("get permission on another device", advice::on_token(error, ""))
    };
    let code = client.begin_device(&SCOPES.map(str::to_owned)).await.map_err(failed)?;
    browser.tell(&format!(
        "open {} on any device and type: {}",
        code.verification_url, code.user_code
    ));
    client.finish_device(&code).await.map_err(failed)
}
