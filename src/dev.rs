//! `moodbridge dev`: everything on this machine, with a Salesforce sandbox that sends its changes.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use sandbox_org::{ConnectedApp, RunningSandbox, Sandbox, Subscription, SubscriptionKind, Wrapper};
use shared::config::Env;
use shared::ports::{Clock, SystemClock, SystemRandom};
use shared::sealed::{SealError, SealedFolder};
use shared::secret::Secret;
use tokio::net::TcpListener;
use url::Url;

use crate::exit::{CommandError, SUCCESS};
use crate::process;
use crate::settings::{FILE_NAME, Places};

/// What `moodbridge dev` can be told.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The port of the dashboard and the API; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the sandbox; 0 takes a free one.
    #[arg(long, default_value_t = 8081)]
    sandbox_port: u16,
    /// Changes a second that the firm in the sandbox makes by itself; 0 for none.
    #[arg(long, default_value_t = 1.0)]
    activity: f64,
    /// How the sandbox tells of changes, besides what the poller finds.
    #[arg(long, value_enum, default_value_t = Events::Both)]
    events: Events,
    /// The same as `--events none`: changes come by the poller only.
    #[arg(long, conflicts_with = "events")]
    no_webhooks: bool,
    /// How often the poller runs, such as `60s`.
    #[arg(long, default_value = "60s", value_name = "SPAN")]
    poll_every: String,
    /// Begins with an empty org instead of 14,000 records.
    #[arg(long)]
    empty: bool,
    /// Keeps the cases there instead of in the data folder, such as
    /// `postgres://user@host/database?password=env:PGPASSWORD`.
    #[arg(long, value_name = "ADDRESS")]
    cases: Option<Url>,
    /// Keeps the queue of events there, such as `postgres://user@host/database?queue=events`.
    #[arg(long, value_name = "ADDRESS")]
    queue: Option<Url>,
    /// Opens the dashboard in the browser, where there is one.
    #[arg(long)]
    open: bool,
}

/// How the sandbox tells of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Events {
    /// It posts them to us.
    Webhooks,
    /// We follow its event stream.
    Pubsub,
    /// Both: what comes second is known.
    Both,
    /// Not at all.
    None,
}

impl DevArgs {
    fn events(&self) -> Events {
        if self.no_webhooks { Events::None } else { self.events }
    }

    fn has_webhooks(&self) -> bool {
        matches!(self.events(), Events::Webhooks | Events::Both)
    }

    fn has_stream(&self) -> bool {
        matches!(self.events(), Events::Pubsub | Events::Both)
    }
}

/// The name of the sandbox's connection.
const CONNECTION: &str = "sandbox";
const CLIENT_ID: &str = "moodbridge-dev";

/// Runs everything until the process is told to stop.
///
/// # Errors
///
/// When the data folder cannot be used, a port is taken, or a part cannot be opened.
pub(crate) async fn run(args: DevArgs, data_dir: &Path) -> Result<ExitCode, CommandError> {
    let keys = DevKeys::load(&data_dir.join("secrets"))?;
    let listener = listen(args.sandbox_port, "--sandbox-port").await?;
    let address = reserve(args.port).await?;
    let sandbox = start_sandbox(&args, data_dir, &keys, listener, address)?;
    let places = write_settings(&args, data_dir, &keys, &sandbox, address)?;

    let cases = places.load()?.settings.case_store()?;
    wiring::migrate(&cases)
        .await
        .map_err(|error| CommandError::failed(format!("prepare `{cases}`"), error))?;
    let bound = process::host(&places.in_force().await?, &places)
        .await?
        .bind(address)
        .await
        .map_err(|error| CommandError::failed("start the server (try `--port 0`)", error))?;
    announce(bound.address(), &sandbox, args.open);
    let outcome = bound.run(host::shutdown_signal()).await;
    sandbox.stop().await;
    outcome.map_err(|error| CommandError::failed("serve", error))?;
    Ok(SUCCESS.into())
}

async fn listen(port: u16, flag: &str) -> Result<TcpListener, CommandError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        CommandError::failed(format!("listen on port {port} (try `{flag} 0`)"), error)
    })
}

/// Finds the port of the server before it is bound: the sandbox must know where to send webhooks.
async fn reserve(port: u16) -> Result<SocketAddr, CommandError> {
    let listener = listen(port, "--port").await?;
    listener.local_addr().map_err(|error| CommandError::failed("find a free port", error))
}

/// The secrets of this data folder, made once and kept sealed.
struct DevKeys {
    folder: PathBuf,
    webhook_token: Secret,
    client_secret: Secret,
}

impl DevKeys {
    fn load(folder: &Path) -> Result<Self, CommandError> {
        let sealed = SealedFolder::new(folder, None, Env::of_process());
        let read_or_make = |name: &str| {
            read_or_make(&sealed, &folder.join(name), name).map_err(|error| {
                CommandError::failed(format!("keep a secret in `{}`", folder.display()), error)
            })
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            webhook_token: read_or_make("webhook-token")?,
            client_secret: read_or_make("client-secret")?,
        })
    }

    fn address(&self, name: &str) -> String {
        format!("file:{}", self.folder.join(name).display())
    }
}

/// Opens a secret, makes it when there is none, and seals it when an earlier version left it plain.
fn read_or_make(folder: &SealedFolder, path: &Path, name: &str) -> Result<Secret, SealError> {
    let make = || SystemRandom.secret().map_err(|_| SealError::Unsealable);
    match folder.read_or_make(name, SystemClock.now(), make) {
        Err(SealError::NotSealed { .. }) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| SealError::Io { path: path.to_path_buf(), source })?;
            let secret = Secret::new(text).trimmed();
            folder.write(name, &secret, SystemClock.now())?;
            Ok(secret)
        }
        found => found,
    }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

fn start_sandbox(
    args: &DevArgs,
    data_dir: &Path,
    keys: &DevKeys,
    listener: TcpListener,
    server: SocketAddr,
) -> Result<RunningSandbox, CommandError> {
    let subscriptions = if args.has_webhooks() { subscriptions(keys, server)? } else { Vec::new() };
    let mut settings = sandbox_org::Settings {
        journal: Some(data_dir.join("sandbox.jsonl")),
        seed: if args.empty { sandbox_org::Seed::Empty } else { sandbox_org::Seed::Firm },
        activity_per_second: args.activity,
        subscriptions,
        ..sandbox_org::Settings::default()
    };
    settings.pub_sub.address = args.has_stream().then_some((Ipv4Addr::LOCALHOST, 0).into());
    settings.apps.push(ConnectedApp {
        client_id: CLIENT_ID.to_owned(),
        client_secret: keys.client_secret.expose().to_owned(),
        public_key_pem: None,
    });
    Sandbox::start(settings, listener)
        .map_err(|error| CommandError::failed("start the sandbox", error))
}

/// Sends every change twice: cases as outbound messages too, as many orgs do.
fn subscriptions(keys: &DevKeys, server: SocketAddr) -> Result<Vec<Subscription>, CommandError> {
    let mappings = wiring::connecting::standard_mappings()
        .map_err(|error| CommandError::failed("read the mapping of Salesforce", error))?;
    let url = |kind: &str| {
        format!(
            "http://{server}/hooks/salesforce/{kind}/{CONNECTION}/{}",
            keys.webhook_token.expose()
        )
    };
    let subscription = |kind, objects, fields, url| Subscription {
        kind,
        objects,
        fields,
        url,
        wrapper: Wrapper::None,
        headers: std::collections::BTreeMap::new(),
    };
    let objects: Vec<_> = mappings.objects().iter().map(|it| it.object.to_string()).collect();
    let case_fields = mappings
        .objects()
        .into_iter()
        .filter(|it| it.object.as_str() == "Case")
        .flat_map(shared::sync::ObjectMapping::remote_fields)
        .chain(["LastModifiedDate".to_owned(), "SystemModstamp".to_owned()])
        .collect();
    Ok(vec![
        subscription(SubscriptionKind::ChangeEvents, objects, Vec::new(), url("changes")),
        subscription(
            SubscriptionKind::OutboundMessage,
            vec!["Case".to_owned()],
            case_fields,
            url("outbound"),
        ),
    ])
}

/// Writes the settings of this run into the data folder, so that the other commands find them.
fn write_settings(
    args: &DevArgs,
    data_dir: &Path,
    keys: &DevKeys,
    sandbox: &RunningSandbox,
    address: SocketAddr,
) -> Result<Places, CommandError> {
    let mut text = String::from("# Written by `moodbridge dev` at each start.\n");
    let _ = write!(
        text,
        "
[server]
address = \"{address}\"

[poll]
every = \"{every}\"
overlap = \"5m\"
lag = \"0s\"

[[connections]]
platform = \"salesforce\"
connection = \"{CONNECTION}\"
login_url = \"{url}\"

[connections.auth]
flow = \"client_credentials\"
client_id = \"{CLIENT_ID}\"
client_secret = {client_secret}
{events}
[[intake.connections]]
name = \"{CONNECTION}\"
organization_id = \"{organization_id}\"
tokens = [{token}]
",
        every = args.poll_every,
        url = sandbox.url(),
        organization_id = sandbox.organization_id(),
        client_secret = toml::Value::String(keys.address("client-secret")),
        events = events_section(sandbox),
        token = toml::Value::String(keys.address("webhook-token")),
    );
    text.push_str(&stores(args));
    let path = data_dir.join(FILE_NAME);
    write_private(&path, &text).map_err(|error| {
        CommandError::failed(format!("write the settings `{}`", path.display()), error)
    })?;
    Ok(Places::of_process(Some(&path), data_dir))
}

/// Says where changes are followed, when the sandbox has a stream of them.
fn events_section(sandbox: &RunningSandbox) -> String {
    match sandbox.pub_sub_url() {
        Some(url) => format!("\n[connections.events]\nendpoint = \"{url}\"\n"),
        None => String::new(),
    }
}

/// Says where data is kept, when it is not in the data folder.
fn stores(args: &DevArgs) -> String {
    if args.cases.is_none() && args.queue.is_none() {
        return String::new();
    }
    let mut text = "\n[store]\n".to_owned();
    for (name, address) in [("cases", &args.cases), ("events_queue", &args.queue)] {
        if let Some(address) = address {
            let _ = writeln!(text, "{name} = {}", toml::Value::String(address.to_string()));
        }
    }
    text
}

#[expect(clippy::print_stderr, reason = "the one line that a person waits for")]
fn announce(address: SocketAddr, sandbox: &RunningSandbox, open: bool) {
    let url = format!("http://{address}");
    eprintln!(
        "\n  MoodBridge  {url}\n  API         {url}/v1/openapi.json\n  Salesforce  {}\n  Sign-in     \
         NOBODY HAS TO: whoever can reach this port on this machine becomes an admin.\n              \
         For scripts: curl -H \"Authorization: Bearer $(moodbridge token)\" {url}/v1/me\n",
        sandbox.url()
    );
    if open {
        open_browser(&url);
    }
}

/// Asks the desktop to show `url`; without a desktop the printed line must do.
fn open_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = std::process::Stdio::null;
    let _ = std::process::Command::new(opener)
        .arg(url)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
}
