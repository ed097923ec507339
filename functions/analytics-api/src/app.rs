//! This function, put together.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, LedgerReady, QueueReady};
use serde_json::{Value, json};
use shared::config::{
    ConfigError, Env, Fault, Form, SettingsEditor, SettingsReader, ShownSetting, Span,
};
use shared::cost::CostSettings;
use shared::etl::runs::{Definitions, DeskPorts, PipelineDesk};
use shared::platform::{OutboundSettings, Surroundings, description_of};
use shared::ports::{LocalSecrets, Queue, SystemClock, SystemRandom};
use shared::queries::{AnswerCache, QuerySettings};
use shared::reports::{ReportDefinitions, ReportDesk, ReportDeskPorts};
use url::Url;
use wiring::{BlobAddress, CaseStores, IdentitySettings, PlatformSecrets, WiringError};

use crate::api::{Api, Ports, STREAM_FOR};
use crate::costs::CostTerms;
use crate::origin::{Origin, cors};
use crate::router::router;
use crate::two_way::TwoWay;

/// What answers to named queries that are kept may take in memory, in bytes.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// The case store: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// Where cursors and states are kept instead: `LEDGER`, such as `dynamodb:moodbridge-ledger`.
    pub ledger: Option<Url>,
    /// The queue that people may look into: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub events_queue: Url,
    /// The queue of runs of pipelines: `PIPELINES_QUEUE`, such as `sqlite:queue.db?queue=pipelines`.
    pub pipelines_queue: Option<Url>,
    /// Where definitions of pipelines are: `PIPELINES`, such as `s3://BUCKET/PREFIX` or `file:FOLDER`;
    /// without it, and the queue, there are none.
    pub pipelines: Option<BlobAddress>,
    /// Where files of reports are: `REPORTS`, likewise, and the queue of orders: `REPORTS_QUEUE`; without
    /// both there are no reports.
    pub reports: Option<BlobAddress>,
    /// As above.
    pub reports_queue: Option<Url>,
    /// Where the firm's own definitions of reports are: `REPORT_DEFINITIONS`, likewise.
    pub report_definitions: Option<BlobAddress>,
    /// Where the bytes of documents are: `DOCUMENTS`, such as `s3://BUCKET` or `file:FOLDER`; without
    /// it documents can be neither sent nor read.
    pub documents: Option<BlobAddress>,
    /// Where the lake is, for named queries: `LAKE`, such as `s3://BUCKET`; without it, or in a build
    /// without the feature `query`, none is answered.
    pub lake: Option<BlobAddress>,
    /// Who proves people: `IDENTITY_ISSUER`, `IDENTITY_AUDIENCE` and what else
    /// [`wiring::IdentitySettings::read`] names.
    pub identity: IdentitySettings,
    /// The connections whose rows may be changed here: `CONNECTIONS`, a JSON list; without any the
    /// API only reads. They may be of platforms whose manifests lie in `PLATFORMS_FOLDER`.
    pub connections: Vec<wiring::ConnectionSettings>,
    /// Prices and budgets: `COST_PRICE_LIST`, a file, and `COST_BUDGETS`, a JSON list.
    pub costs: CostSettings,
    /// How the issuer is called: `HTTP_TLS12_HOSTS` and `HTTP_EXTRA_ROOTS_FILE`.
    pub outbound: OutboundSettings,
    /// How it answers: `CORS_ORIGINS`, separated by commas, and `CHANGES_STREAM`.
    pub answers: AnswerSettings,
}

/// How the API answers.
#[derive(Clone, Debug)]
pub struct AnswerSettings {
    /// Origins that may read the answers in a browser, for a dashboard served from elsewhere; none
    /// at first.
    pub cors_origins: Vec<Origin>,
    /// How long one stream of changes lasts: 15 minutes at first.
    pub changes_stream: Duration,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self { cors_origins: Vec::new(), changes_stream: STREAM_FOR }
    }
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let case_store = env.required("CASE_STORE");
        let ledger = env.optional("LEDGER");
        let events_queue = env.required("EVENTS_QUEUE");
        let documents = env.optional("DOCUMENTS");
        let lake = env.optional("LAKE");
        let pipelines_queue = env.optional("PIPELINES_QUEUE");
        let pipelines = env.optional("PIPELINES");
        let reports_queue = env.optional("REPORTS_QUEUE");
        let reports = env.optional("REPORTS");
        let report_definitions = env.optional("REPORT_DEFINITIONS");
        let identity = IdentitySettings::read(&mut env);
        wiring::read_platforms(&mut env);
        let connections = wiring::ConnectionSettings::read(&mut env);
        let costs = CostSettings::read(&mut env);
        let outbound = OutboundSettings::read(&mut env);
        let changes_stream = env.duration_or("CHANGES_STREAM", STREAM_FOR);
        let listed = env.get("CORS_ORIGINS").unwrap_or_default().to_owned();
        let mut cors_origins = Vec::new();
        for origin in listed.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            match Origin::parse(origin) {
                Ok(origin) => cors_origins.push(origin),
                Err(error) => env.fault(format!("CORS_ORIGINS is malformed: {error}")),
            }
        }
        let answers = AnswerSettings { cors_origins, changes_stream };
        let found = case_store.zip(events_queue).zip(identity);
        env.finish(found.map(|((case_store, events_queue), identity)| Self {
            case_store,
            ledger,
            events_queue,
            pipelines_queue,
            pipelines,
            reports,
            reports_queue,
            report_definitions,
            documents,
            lake,
            identity,
            connections,
            costs,
            outbound,
            answers,
        }))
    }
}

/// What this function shows of its settings when it runs by itself: nothing of it can be changed,
/// because all of it comes from the environment.
struct Environment(Vec<ShownSetting>);

impl Environment {
    fn of(answers: &AnswerSettings) -> Self {
        let origins = answers.cors_origins.iter().map(ToString::to_string);
        let shown = |name: &str, value: Value| ShownSetting {
            path: name.to_owned(),
            value,
            source: "environment".to_owned(),
            can_change: false,
        };
        Self(vec![
            shown("CHANGES_STREAM", Span(answers.changes_stream).to_string().into()),
            shown("CORS_ORIGINS", origins.collect()),
        ])
    }
}

impl SettingsReader for Environment {
    fn read(
        &self,
        _version: u64,
        _values: &BTreeMap<String, Value>,
    ) -> Result<Vec<ShownSetting>, Vec<Fault>> {
        Ok(self.0.clone())
    }
}

/// Puts this function together over its ports.
pub fn assemble(ports: Ports, answers: AnswerSettings) -> App {
    let mut app = App::new("analytics-api").ready(LedgerReady::new(Arc::clone(&ports.ledger)));
    for queue in &ports.queues {
        app = app.ready(QueueReady::new(Arc::clone(queue)));
    }
    let AnswerSettings { cors_origins, changes_stream } = answers;
    let api = Api::new(ports).with_stream_limit(changes_stream);
    app.http(router(Arc::new(api)).layer(cors(cors_origins)))
}

/// Opens what rows that travel both ways need; no connection is called.
fn two_way(
    stores: &CaseStores,
    connections: &[wiring::ConnectionSettings],
    surroundings: &Surroundings,
) -> Result<TwoWay, WiringError> {
    let open = |it: &wiring::ConnectionSettings| {
        it.open(surroundings).map(|opened| (opened.connection, opened.mappings))
    };
    Ok(TwoWay {
        store: stores.store.clone(),
        outbox: stores.outbox.clone(),
        conflicts: stores.conflicts.clone(),
        comparisons: stores.comparisons.clone(),
        mappings: connections.iter().map(open).collect::<Result<_, _>>()?,
        random: surroundings.random.clone(),
    })
}

/// Opens the desk of pipelines where they are set up, and shows their queue to people.
async fn pipelines(
    config: &Config,
    env: &Env,
    stores: &CaseStores,
    queues: &mut Vec<Arc<dyn Queue>>,
) -> Result<Option<PipelineDesk>, WiringError> {
    let (Some(at), Some(queue)) = (&config.pipelines, &config.pipelines_queue) else {
        return Ok(None);
    };
    let queue = wiring::queue(queue).await?;
    queues.push(queue.clone());
    Ok(Some(PipelineDesk::new(DeskPorts {
        definitions: Definitions::new(wiring::blobs(at, env)?),
        journal: stores.pipelines.clone(),
        queue,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    })))
}

/// Opens the desk of reports where they are set up, and shows their queue to people.
async fn reports(
    config: &Config,
    env: &Env,
    stores: &CaseStores,
    queues: &mut Vec<Arc<dyn Queue>>,
) -> Result<Option<ReportDesk>, WiringError> {
    let (Some(at), Some(queue)) = (&config.reports, &config.reports_queue) else {
        return Ok(None);
    };
    let own = config.report_definitions.as_ref().map(|it| wiring::blobs(it, env)).transpose()?;
    let queue = wiring::queue(queue).await?;
    queues.push(queue.clone());
    Ok(Some(ReportDesk::new(ReportDeskPorts {
        definitions: ReportDefinitions::new(own),
        journal: stores.reports.clone(),
        queue,
        store: wiring::blobs(at, env)?,
        view: stores.view.clone(),
        pipelines: stores.pipelines.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    })))
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`] with every fault of the settings, or what kept a store from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = Arc::new(PlatformSecrets::new(LocalSecrets::new(env.clone())));
    let config = Config::read(env.clone())?;
    let open = |it: &BlobAddress| wiring::blobs(it, &env);
    let document_bytes = config.documents.as_ref().map(open).transpose()?;
    let lake = config.lake.as_ref().map(open).transpose()?;
    let stores =
        wiring::case_store(&config.case_store).await?.with_ledger(config.ledger.as_ref()).await?;
    let clock = Arc::new(SystemClock);
    let tls = config.outbound.load().map_err(ConfigError::from)?;
    let surroundings = Surroundings {
        ledger: Some(stores.ledger.clone()),
        tls: tls.clone(),
        ..Surroundings::new(secrets, clock.clone(), Arc::new(SystemRandom))
    };
    let queries = match lake {
        Some(lake) => wiring::queries(&stores, lake, None, &QuerySettings::default())?,
        None => None,
    };
    let two_way = two_way(&stores, &config.connections, &surroundings)?;
    let authenticator =
        wiring::authenticator(&config.identity, tls, clock.clone(), Arc::new(SystemRandom))?;
    let mut queues = vec![wiring::queue(&config.events_queue).await?];
    let pipelines = pipelines(&config, &env, &stores, &mut queues).await?;
    let reports = reports(&config, &env, &stores, &mut queues).await?;
    let ports = Ports {
        view: stores.view,
        tally: stores.tally,
        documents: stores.documents,
        document_bytes,
        incidents: stores.incidents,
        audit: stores.audit,
        feed: stores.feed,
        journal: stores.journal,
        ledger: stores.ledger,
        queues,
        authenticator,
        walls: stores.walls,
        pipelines,
        reports,
        costs: stores.costs,
        cost_terms: Arc::new(CostTerms::of(&config.costs).map_err(ConfigError::from)?),
        settings: Arc::new(SettingsEditor::new(
            stores.settings,
            clock.clone(),
            Form::of_schema(json!({"type": "object"})),
            Environment::of(&config.answers),
            0,
        )),
        platforms: wiring::platforms().iter().map(|it| description_of(&**it)).collect(),
        two_way,
        queries: queries.map(|it| Arc::new(AnswerCache::new(it, KEPT_BYTES))),
        clock,
    };
    Ok(assemble(ports, config.answers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_the_settings_is_reported_at_once() {
        let env =
            Env::from_pairs([("CHANGES_STREAM", "long"), ("CORS_ORIGINS", "*, https://a.example")]);
        let message = Config::read(env).unwrap_err().to_string();
        for fault in [
            "CASE_STORE is unset",
            "EVENTS_QUEUE is unset",
            "IDENTITY_ISSUER is unset",
            "IDENTITY_AUDIENCE is unset",
            "CHANGES_STREAM",
            "`*` is not an origin",
        ] {
            assert!(message.contains(fault), "{message}");
        }
    }

    #[test]
    fn origins_are_separated_by_commas() {
        let config = Config::read(Env::from_pairs([
            ("CASE_STORE", "sqlite:cases.db"),
            ("EVENTS_QUEUE", "sqlite:queue.db?queue=events"),
            ("IDENTITY_ISSUER", "https://login.example/"),
            ("IDENTITY_AUDIENCE", "moodbridge"),
            ("CORS_ORIGINS", "http://localhost:5173, https://a.example/"),
        ]));
        let origins = config.unwrap().answers.cors_origins;
        let written: Vec<_> = origins.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["http://localhost:5173", "https://a.example"]);
    }
}
