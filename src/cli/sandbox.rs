//! `moodbridge sandbox`: only the Salesforce sandbox, for tests of other programs.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use sandbox_org::{Sandbox, Seed, Settings};
use tokio::net::TcpListener;

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;

/// What the sandbox can be told.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The port it listens on; 0 takes a free one.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Serves its Pub/Sub API on this port too; 0 takes a free one.
    #[arg(long, value_name = "PORT")]
    pub_sub_port: Option<u16>,
    /// Changes a second that the firm makes by itself; 0 for none.
    #[arg(long, default_value_t = 0.0)]
    activity: f64,
    /// Keeps changes in this file over a restart.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Begins with an empty org instead of 14,000 records.
    #[arg(long)]
    empty: bool,
    /// Begins with so many wide cases instead, the same ones for the same numbers.
    #[arg(long, value_name = "N", conflicts_with = "empty")]
    cases: Option<u64>,
    /// Accounts beside them; a tenth of the cases by default.
    #[arg(long, value_name = "N", conflicts_with = "empty")]
    accounts: Option<u64>,
    /// Contacts beside them; three tenths of the cases by default.
    #[arg(long, value_name = "N", conflicts_with = "empty")]
    contacts: Option<u64>,
}

impl SandboxArgs {
    /// Returns the rows that were asked for.
    fn seed(&self) -> Seed {
        let Self { empty, cases, accounts, contacts, .. } = *self;
        match (empty, cases, accounts, contacts) {
            (true, ..) => Seed::Empty,
            (false, None, None, None) => Seed::Firm,
            (false, cases, accounts, contacts) => {
                let cases = cases.unwrap_or(0);
                let contacts = contacts.unwrap_or(cases / 10 * 3);
                Seed::Many { accounts: accounts.unwrap_or(cases / 10), contacts, cases }
            }
        }
    }
}

#[derive(serde::Serialize)]
struct Started {
    url: String,
    pub_sub_url: Option<String>,
    organization_id: String,
}

impl std::fmt::Display for Started {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Salesforce sandbox {} at {}", self.organization_id, self.url)?;
        match &self.pub_sub_url {
            Some(url) => write!(f, ", its Pub/Sub API at {url}"),
            None => Ok(()),
        }
    }
}

/// Runs the sandbox until the process is told to stop.
///
/// # Errors
///
/// When the port is taken or the journal cannot be used.
pub(crate) async fn run(args: SandboxArgs, output: Output) -> Result<ExitCode, CommandError> {
    let tried = format!("listen on port {} (try `--port 0`)", args.port);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .map_err(|error| CommandError::failed(tried, error))?;
    let mut settings = Settings {
        seed: args.seed(),
        journal: args.journal,
        activity_per_second: args.activity,
        ..Settings::default()
    };
    settings.pub_sub.address = args.pub_sub_port.map(|port| (Ipv4Addr::LOCALHOST, port).into());
    let sandbox = Sandbox::start(settings, listener)
        .map_err(|error| CommandError::failed("start the sandbox", error))?;
    let started = Started {
        url: sandbox.url(),
        pub_sub_url: sandbox.pub_sub_url(),
        organization_id: sandbox.organization_id().to_owned(),
    };
    output.answer(&started).map_err(|error| CommandError::failed("print the answer", error))?;
    host::shutdown_signal().await;
    sandbox.stop().await;
    Ok(SUCCESS.into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SandboxArgs,
    }

    fn seed(line: &str) -> Option<Seed> {
        let words = std::iter::once("sandbox").chain(line.split_whitespace());
        Line::try_parse_from(words).ok().map(|it| it.args.seed())
    }

    #[test]
    fn rows_are_those_that_were_asked_for() {
        assert_eq!(seed(""), Some(Seed::Firm));
        assert_eq!(seed("--empty"), Some(Seed::Empty));
        let many = |accounts, contacts, cases| Some(Seed::Many { accounts, contacts, cases });
        assert_eq!(seed("--cases 1000"), many(100, 300, 1_000));
        assert_eq!(seed("--contacts 5"), many(0, 5, 0));
        assert_eq!(seed("--cases 10 --accounts 2 --contacts 4"), many(2, 4, 10));
        assert_eq!(seed("--empty --cases 10"), None);
    }
}
