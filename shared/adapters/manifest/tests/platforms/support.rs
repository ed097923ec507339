//! A connection to a declared platform whose server is on this machine.

use std::sync::Arc;

use adapter_manifest::{BUILT_IN, ManifestIntegration, load};
use fault_server::Answer;
use serde_json::{Value, json};
use shared::PortError;
use shared::config::Env;
use shared::ids::ObjectName;
use shared::platform::{OpenConnection, PlatformIntegration, PlatformSource, Surroundings};
use shared::ports::{Clock, DeltaPage, DeltaQuery, LocalSecrets, SystemClock, SystemRandom};
use shared::time::Timestamp;

/// Returns the platform `id` of this build.
pub(crate) fn platform(id: &str) -> ManifestIntegration {
    let manifests = load(BUILT_IN).unwrap_or_else(|it| panic!("{:#?}", it.faults()));
    let manifest = manifests.into_iter().find(|it| it.id() == id).unwrap();
    ManifestIntegration::new(manifest, PlatformSource::BuiltInManifest).unwrap()
}

/// Makes a platform of `text`.
pub(crate) fn declared(text: &str) -> ManifestIntegration {
    let manifests = load([("test.yaml", text)]).unwrap_or_else(|it| panic!("{:#?}", it.faults()));
    let manifest = manifests.into_iter().next().unwrap();
    ManifestIntegration::new(manifest, PlatformSource::LoadedManifest).unwrap()
}

pub(crate) fn surroundings() -> Surroundings {
    let env = Env::from_pairs([("TOKEN", "s3cret"), ("REFRESH", "r3fresh")]);
    Surroundings::new(
        Arc::new(LocalSecrets::new(env)),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
}

pub(crate) fn clio_settings(base_url: &str) -> Value {
    json!({
        "connection": "firm-clio",
        "base_url": base_url,
        "auth": {"kind": "bearer", "token": "env:TOKEN"},
    })
}

pub(crate) fn github_settings(base_url: &str) -> Value {
    json!({
        "connection": "issues",
        "base_url": base_url,
        "owner": "firm",
        "repo": "intake",
        "auth": {"kind": "bearer", "token": "env:TOKEN"},
    })
}

pub(crate) fn open(platform: &ManifestIntegration, settings: &Value) -> OpenConnection {
    platform.open(settings, &surroundings()).unwrap()
}

pub(crate) fn at(raw: &str) -> Timestamp {
    Timestamp::parse(raw).unwrap()
}

/// Asks for all changes of `object` from `from` on.
pub(crate) fn query(opened: &OpenConnection, object: &str, from: &str) -> DeltaQuery {
    let object = ObjectName::parse(object).unwrap();
    DeltaQuery {
        fields: opened.mappings.get(&object).unwrap().remote_fields(),
        object,
        from: at(from),
        after_id: None,
        until: at("2026-02-01T00:00:00Z"),
    }
}

/// Reads every page of `query`.
pub(crate) async fn pages(
    opened: &OpenConnection,
    query: &DeltaQuery,
) -> Result<Vec<DeltaPage>, PortError> {
    let mut pages = vec![opened.crm.changes(query).await?];
    while let Some(next) = pages.last().and_then(|it| it.next.clone()) {
        assert!(pages.len() < 20, "pages without an end");
        pages.push(opened.crm.more_changes(query, &next).await?);
    }
    Ok(pages)
}

/// Lists the ids of `pages`, page by page.
pub(crate) fn ids(pages: &[DeltaPage]) -> Vec<Vec<&str>> {
    pages.iter().map(|it| it.records.iter().map(|it| it.record_id.as_str()).collect()).collect()
}

/// Gives `answer` the time, as every server does.
pub(crate) fn dated(answer: Answer) -> Answer {
    let now = SystemClock.now().as_millis().unsigned_abs();
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_millis(now);
    answer.with_header("Date", &httpdate::fmt_http_date(now))
}
