//! The settings of the single-process host: `moodbridge.toml`.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use analytics_api::Origin;
use host::local::HostName;
use serde::Deserialize;
use shared::config::{ConfigError, InvalidDuration, parse_duration};
use url::Url;
use webhook_intake::IntakeSettings;
use wiring::{CaseStores, ConnectionSettings};

use crate::exit::CommandError;

/// The name of the settings file, in the working folder or in the data folder.
pub(crate) const FILE_NAME: &str = "moodbridge.toml";

/// Every setting, each with a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where data is kept when no address says otherwise; not itself a setting of the file.
    #[serde(skip)]
    pub(crate) data_dir: PathBuf,
    /// Where requests are answered.
    pub(crate) server: ServerSettings,
    /// Where data is kept.
    pub(crate) store: StoreSettings,
    /// How changes are read.
    pub(crate) poll: PollSettings,
    /// How the API answers.
    pub(crate) api: ApiSettings,
    /// The systems that records come from.
    pub(crate) connections: Vec<ConnectionSettings>,
    /// Who may send webhooks.
    pub(crate) intake: IntakeSettings,
}

/// Where requests are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSettings {
    /// Address and port; the API asks nobody who they are yet, so keep it on loopback.
    pub(crate) address: SocketAddr,
    /// Names besides those of this machine that pages and the API answer to, such as the one that
    /// a proxy passes on. Webhooks are taken under any name.
    pub(crate) allowed_hosts: Vec<HostName>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { address: (Ipv4Addr::LOCALHOST, 8080).into(), allowed_hosts: Vec::new() }
    }
}

/// Where data is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSettings {
    /// The case store, such as `sqlite:cases.db`; by default in the data folder.
    pub(crate) cases: Option<Url>,
    /// The queue of events, such as `sqlite:queue.db?queue=events`; by default in the data folder.
    pub(crate) events_queue: Option<Url>,
}

/// How changes are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PollSettings {
    /// How often, such as `60s`.
    pub(crate) every: Span,
    /// How far behind the cursor each run reads again, for changes that were committed late.
    pub(crate) overlap: Span,
    /// How far behind the remote clock each run stops.
    pub(crate) lag: Span,
}

impl Default for PollSettings {
    fn default() -> Self {
        Self {
            every: Span(Duration::from_secs(60)),
            overlap: Span(Duration::from_secs(300)),
            lag: Span(Duration::from_secs(5)),
        }
    }
}

/// How the API answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSettings {
    /// Origins whose pages may read the API, such as `https://dashboard.example`.
    pub(crate) cors_origins: Vec<Origin>,
}

/// A length of time, written such as `250ms`, `30s` or `5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

impl TryFrom<String> for Span {
    type Error = InvalidDuration;

    fn try_from(raw: String) -> Result<Self, InvalidDuration> {
        parse_duration(&raw).map(Self)
    }
}

impl Settings {
    /// Finds the settings file: `path`, else `moodbridge.toml` here, else in the data folder.
    pub(crate) fn source(path: Option<&Path>, data_dir: &Path) -> Option<PathBuf> {
        path.map(Path::to_path_buf).or_else(|| {
            [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)]
                .into_iter()
                .find(|candidate| candidate.is_file())
        })
    }

    /// Reads and checks the settings; without a file every setting has its default.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    pub(crate) fn load(path: Option<&Path>, data_dir: &Path) -> Result<Self, ConfigError> {
        let Some(path) = Self::source(path, data_dir) else {
            return Ok(Self { data_dir: data_dir.to_path_buf(), ..Self::default() });
        };
        let fault = |what: String| ConfigError::new(vec![format!("{}: {what}", path.display())]);
        let text = std::fs::read_to_string(&path).map_err(|error| fault(error.to_string()))?;
        let mut settings: Self =
            toml::from_str(&text).map_err(|error| fault(error.to_string().trim().to_owned()))?;
        settings.data_dir = data_dir.to_path_buf();
        let faults = settings.faults();
        if faults.is_empty() { Ok(settings) } else { Err(ConfigError::new(faults)) }
    }

    /// Returns what is wrong although each setting is well formed by itself.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for (idx, connection) in self.connections.iter().enumerate() {
            if !names.insert(connection.name()) {
                faults.push(format!(
                    "connections[{idx}].name: `{}` names another connection already; choose \
                     another name",
                    connection.name()
                ));
            }
        }
        if !self.server.address.ip().is_loopback() {
            faults.push(format!(
                "server.address: `{}` can be reached from other machines, but the API asks nobody \
                 who they are; write `127.0.0.1:{}` and put a proxy that does in front of it",
                self.server.address,
                self.server.address.port()
            ));
        }
        faults
    }

    /// Returns the address of the queue of events.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn events_queue(&self) -> Result<Url, ConfigError> {
        match &self.store.events_queue {
            Some(address) => Ok(address.clone()),
            None => self.in_data_dir("queue.db?queue=events"),
        }
    }

    /// Returns the address of the case store.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn case_store(&self) -> Result<Url, ConfigError> {
        match &self.store.cases {
            Some(address) => Ok(address.clone()),
            None => self.in_data_dir("cases.db"),
        }
    }

    /// Opens the case store.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or its schema is not the one this version needs.
    pub(crate) async fn open_stores(&self) -> Result<CaseStores, CommandError> {
        let address = self.case_store()?;
        wiring::case_store(&address).await.map_err(|error| {
            CommandError::failed(format!("open the case store `{address}`"), error)
        })
    }

    fn in_data_dir(&self, file: &str) -> Result<Url, ConfigError> {
        let folder = self.data_dir.display().to_string();
        let folder = folder.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Url::parse(&format!("sqlite:{folder}/{file}")).map_err(|error| {
            ConfigError::new(vec![format!(
                "data folder `{}` is not part of an address ({error}); choose another with \
                 `--data-dir`",
                self.data_dir.display()
            )])
        })
    }
}
