//! Serves a sandbox org: `cargo run -p sandbox-org --example serve -- 127.0.0.1:8899 [OPTIONS]`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use sandbox_org::{BulkPace, Sandbox, Seed, Settings};

const USAGE: &str = "\
usage: serve ADDRESS [OPTIONS]     such as `serve 127.0.0.1:8899 --cases 1000000`; port 0 takes a free one
  --public-key FILE   key that the assertions of the app are checked with, PEM
  --empty             no rows but the users
  --accounts N        that many accounts, contacts and wide cases instead of the firm; without
  --contacts N          accounts and contacts there are a tenth and three tenths as many as cases
  --cases N
  --random-seed N     what such rows are drawn from
  --history           keeps every commit for /_sandbox/history
  --page-records N    rows of a Bulk result page when `maxRecords` does not say
  --bulk-tick MS      how long a step of a Bulk job takes; `polls` for one step each time it is asked for
  --callback URL      where people who log in may be sent back to";

#[tokio::main]
async fn main() -> ExitCode {
    match serve(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let address =
        arguments.next().filter(|it| !it.starts_with('-')).ok_or("no address is given")?;
    let settings = read(arguments)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let started = std::time::Instant::now();
    let running = Sandbox::start(settings, listener)?;
    let took = Duration::from_millis(u64::try_from(started.elapsed().as_millis())?);
    writeln!(std::io::stdout(), "{} after {took:?}", running.url())?;
    if let Some(url) = running.pub_sub_url() {
        writeln!(std::io::stdout(), "events at {url}")?;
    }
    std::future::pending::<()>().await;
    Ok(())
}

/// Reads the options behind the address.
fn read(mut arguments: impl Iterator<Item = String>) -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings::default();
    settings.pub_sub.address = Some(([127, 0, 0, 1], 0).into());
    let (mut accounts, mut contacts, mut cases) = (None, None, None);
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{option}` needs a value"));
        match option.as_str() {
            "--empty" => settings.seed = Seed::Empty,
            "--history" => settings.keeps_history = true,
            "--public-key" => {
                let key = std::fs::read_to_string(value()?)?;
                settings.apps.iter_mut().for_each(|app| app.public_key_pem = Some(key.clone()));
            }
            "--callback" => settings.login.callback_urls.push(value()?),
            "--accounts" => accounts = Some(value()?.parse()?),
            "--contacts" => contacts = Some(value()?.parse()?),
            "--cases" => cases = Some(value()?.parse()?),
            "--random-seed" => settings.random_seed = value()?.parse()?,
            "--page-records" => settings.bulk.page_records = value()?.parse()?,
            "--bulk-tick" => {
                settings.bulk.pace = match value()?.as_str() {
                    "polls" => BulkPace::Polls,
                    ms => BulkPace::Ticks(Duration::from_millis(ms.parse()?)),
                };
            }
            _ => return Err(format!("`{option}` is not understood").into()),
        }
    }
    if accounts.is_some() || contacts.is_some() || cases.is_some() {
        let cases: u64 = cases.unwrap_or(0);
        let (accounts, contacts) =
            (accounts.unwrap_or(cases / 10), contacts.unwrap_or(cases * 3 / 10));
        settings.seed = Seed::Many { accounts, contacts, cases };
    }
    Ok(settings)
}
