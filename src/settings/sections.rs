//! Every section of `moodbridge.toml`, as types. A new section is a field of [`Settings`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use analytics_api::Origin;
use host::TelemetrySettings;
use host::local::HostName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::config::Span;
use shared::cost::CostSettings;
use shared::platform::OutboundSettings;
use shared::ports::SecretAddress;
use shared::sealed::KeyPlace;
use url::Url;
use webhook_intake::IntakeSettings;
use wiring::{ConnectionSettings, IdentitySettings};

/// Every setting, each with a default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "moodbridge.toml")]
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
    /// How changes made here are sent.
    pub(crate) relay: RelaySettings,
    /// How both sides are compared.
    pub(crate) reconcile: ReconcileSettings,
    /// Where the lake is, and what hides values in it.
    pub(crate) lake: LakeSettings,
    /// Which warehouse the lake is loaded into.
    pub(crate) warehouse: WarehouseSettings,
    /// How much answers about the lake may take.
    pub(crate) queries: QuerySettings,
    /// Which NiFi is operated, and where flow files go.
    pub(crate) nifi: NifiSettings,
    /// Where pipelines are, and how they are run.
    pub(crate) pipelines: PipelinesSettings,
    /// Where reports are, and who hears of them.
    pub(crate) reports: ReportsSettings,
    /// How the API answers.
    pub(crate) api: ApiSettings,
    /// Where sealed secrets are, and what opens them.
    pub(crate) secrets: SecretsSettings,
    /// Who proves people; without it, this machine does, and only for itself.
    pub(crate) identity: Option<IdentitySettings>,
    /// Which platforms there are besides those of this build.
    pub(crate) platforms: PlatformsSettings,
    /// The systems that records come from.
    pub(crate) connections: Vec<ConnectionSettings>,
    /// Which prices count, and how much may be spent.
    pub(crate) costs: CostSettings,
    /// How platforms are called.
    pub(crate) http: OutboundSettings,
    /// Who may send webhooks.
    pub(crate) intake: IntakeSettings,
    /// What leaves this process about its own work.
    pub(crate) telemetry: TelemetrySettings,
}

/// Where requests are answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSettings {
    /// Address and port; one that other machines reach needs the section `identity`.
    #[schemars(extend("format" = "socket-address"))]
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
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSettings {
    /// The case store, such as `sqlite:cases.db`; by default in the data folder.
    #[schemars(extend("examples" = ["sqlite:cases.db"]))]
    pub(crate) cases: Option<Url>,
    /// The queue of events, such as `sqlite:queue.db?queue=events`; by default in the data folder.
    #[schemars(extend("examples" = ["sqlite:queue.db?queue=events"]))]
    pub(crate) events_queue: Option<Url>,
    /// Where the bytes of documents are, such as `file:documents` or `s3://BUCKET`; by default the
    /// folder `documents` in the data folder.
    #[schemars(extend("examples" = ["s3://example-documents"]))]
    pub(crate) documents: Option<String>,
}

/// How changes are read.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PollSettings {
    /// How often, such as `60s`.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) every: Span,
    /// How far behind the cursor each run reads again, for changes that were committed late.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) overlap: Span,
    /// How far behind the remote clock each run stops.
    #[schemars(extend("x-changeable" = true))]
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

/// How changes made here are sent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RelaySettings {
    /// With more records of an object waiting than this, they are sent by a job.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) bulk_threshold: u64,
    /// How often a record that cannot be written now is tried before it waits for a person.
    #[schemars(range(min = 1), extend("x-changeable" = true))]
    pub(crate) max_attempts: u32,
}

impl Default for RelaySettings {
    fn default() -> Self {
        let shared::sync::RelaySettings { bulk_threshold, max_attempts, .. } = Default::default();
        Self { bulk_threshold, max_attempts }
    }
}

/// How both sides are compared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReconcileSettings {
    /// How often, such as `24h`.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) every: Span,
    /// Whether what differs is put right.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) repair: bool,
}

impl Default for ReconcileSettings {
    fn default() -> Self {
        Self { every: Span(Duration::from_hours(24)), repair: true }
    }
}

/// Where the lake is, and what hides values in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LakeSettings {
    /// Where its files are, such as `file:FOLDER` or `s3://BUCKET`; by default the folder `lake` in the
    /// data folder.
    #[schemars(extend("examples" = ["s3://example-lake"]))]
    pub(crate) place: Option<String>,
    /// Where the key of the mask `hash` lies.
    pub(crate) mask_key: Option<SecretAddress>,
}

/// Which warehouse the lake is loaded into.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WarehouseSettings {
    /// Its address; without one the lake is written, and not loaded.
    #[schemars(extend("examples" = [
        "snowflake://MYORG-FIRM/LEGAL/MOODBRIDGE?user=MOODBRIDGE_LOADER&private_key=env:SNOWFLAKE_KEY&stage=FILES"
    ]))]
    pub(crate) address: Option<Url>,
    /// How often a lake that `lake.place` names is written and loaded, such as `5m`.
    pub(crate) every: Span,
    /// How many rows of a load may be refused before it waits for a person.
    pub(crate) max_rejects: u64,
}

impl Default for WarehouseSettings {
    fn default() -> Self {
        Self { address: None, every: Span(Duration::from_mins(5)), max_rejects: 100 }
    }
}

/// How much answers about the lake may take, all that are worked out at the same time together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuerySettings {
    /// Memory for what is sorted, grouped and joined, in bytes; what needs more is put aside on disk.
    pub(crate) memory_bytes: usize,
    /// Room on disk for that, in bytes.
    pub(crate) spill_bytes: u64,
    /// The folder for that; by default where this machine keeps what is temporary.
    #[schemars(with = "Option<String>", extend("examples" = ["/var/tmp"]))]
    pub(crate) spill_folder: Option<PathBuf>,
    /// Memory for answers that are kept, in bytes.
    pub(crate) kept_bytes: usize,
    /// How long one answer of the command line may take, such as `60s`; the API gives each eight seconds.
    pub(crate) within: Span,
}

impl Default for QuerySettings {
    fn default() -> Self {
        let shared::queries::QuerySettings { memory_bytes, spill_bytes, spill_folder, .. } =
            Default::default();
        let within = Span(Duration::from_secs(60));
        Self { memory_bytes, spill_bytes, spill_folder, kept_bytes: 64 * 1024 * 1024, within }
    }
}

/// Which NiFi is operated, and where flow files go.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NifiSettings {
    /// Its address, with the process group as `group` and an input port as `port`.
    #[schemars(extend("examples" = [
        "nifi://nifi.firm.example:8443/?username=moodbridge&password=env:NIFI_PASSWORD&port=changes"
    ]))]
    pub(crate) address: Option<Url>,
    /// Where flow files go when it is no input port of that address.
    #[schemars(extend("examples" = ["nifi-listen://nifi.firm.example:9443/contentListener"]))]
    pub(crate) send_to: Option<Url>,
}

/// Where pipelines are, and how they are run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PipelinesSettings {
    /// Where their definitions are, each a file `NAME.yaml`, such as `file:FOLDER` or `s3://BUCKET/PREFIX`;
    /// by default the folder `pipelines` in the data folder.
    #[schemars(extend("examples" = ["s3://example-pipelines/definitions"]))]
    pub(crate) at: Option<String>,
    /// The queue of runs, such as `sqlite:queue.db?queue=pipelines`; by default beside the queue of
    /// events.
    #[schemars(extend("examples" = ["sqlite:queue.db?queue=pipelines"]))]
    pub(crate) queue: Option<Url>,
    /// How long a file of a source may take, such as `14m`; as long as it takes when nothing is written.
    pub(crate) within: Option<Span>,
    /// Databases whose tables pipelines read and write as `postgres:NAME/SCHEMA.TABLE`, each an address such
    /// as `postgres://USER@HOST/DATABASE?password=env:NAME`.
    pub(crate) databases: BTreeMap<String, Url>,
}

/// Where reports are, and who hears of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReportsSettings {
    /// Where their files go, such as `file:FOLDER` or `s3://BUCKET/PREFIX`; by default the folder
    /// `reports` in the data folder.
    #[schemars(extend("examples" = ["s3://example-reports/reports"]))]
    pub(crate) at: Option<String>,
    /// Where the firm's own definitions are, each a file `NAME.yaml`, likewise; by default the folder
    /// `report-definitions` in the data folder.
    #[schemars(extend("examples" = ["s3://example-pipelines/pipelines/reports"]))]
    pub(crate) definitions: Option<String>,
    /// The queue of orders, such as `sqlite:queue.db?queue=reports`; by default beside the queue of
    /// events.
    #[schemars(extend("examples" = ["sqlite:queue.db?queue=reports"]))]
    pub(crate) queue: Option<Url>,
    /// The topic that hears of reports whose definitions name it.
    #[schemars(extend("examples" = ["sns:arn:aws:sns:eu-west-1:123456789012:reports"]))]
    pub(crate) topic: Option<Url>,
    /// The webhook that hears of reports whose definitions name it; its messages are signed after
    /// Standard Webhooks.
    #[schemars(extend("examples" = ["https://firm.example/hooks/reports"]))]
    pub(crate) webhook: Option<Url>,
    /// Where the secret lies that those are signed with.
    #[schemars(extend("examples" = ["env:REPORTS_WEBHOOK_SECRET"]))]
    pub(crate) webhook_secret: Option<SecretAddress>,
    /// How long links in messages are good, such as `6h`, which is the default; at most `7d`.
    pub(crate) link_for: Option<Span>,
}

/// Where sealed secrets are, and what opens them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretsSettings {
    /// The folder that `moodbridge secret` works in; by default `secrets` in the data folder.
    #[schemars(with = "Option<String>", extend("examples" = ["/var/lib/moodbridge/secrets"]))]
    pub(crate) folder: Option<PathBuf>,
    /// Where the key is that they are sealed with; by default in a file beside them.
    pub(crate) key: Option<KeyPlace>,
}

/// Which platforms there are besides those of this build.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlatformsSettings {
    /// The folder of connector manifests; by default `platforms` in the data folder.
    #[schemars(with = "Option<String>", extend("examples" = ["/etc/moodbridge/platforms"]))]
    pub(crate) folder: Option<PathBuf>,
}

/// How the API answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSettings {
    /// Origins whose pages may read the API, such as `https://dashboard.example`.
    #[schemars(extend("x-changeable" = true))]
    pub(crate) cors_origins: Vec<Origin>,
}
