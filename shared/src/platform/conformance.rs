//! What every integration must hold to, compiled or declared.

#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Aspect, Capability, OpenConnection, OpenError, PlatformIntegration, Surroundings, Verdict,
    description_of, intern,
};
use crate::config::Env;
use crate::ports::{LocalSecrets, SystemClock, SystemRandom};

/// Holds `integration` to its contract.
///
/// `good` are settings without a fault, whose addresses name a port of this machine that nobody
/// listens on. `secrets` are pairs of environment names and values for the secrets that they name.
///
/// # Panics
///
/// When it breaks the contract; the message names the rule.
#[expect(clippy::panic, reason = "a contract suite fails by panicking")]
pub async fn passes(integration: &dyn PlatformIntegration, good: &Value, secrets: &[(&str, &str)]) {
    let surroundings = Surroundings::new(
        Arc::new(LocalSecrets::new(Env::from_pairs(secrets.iter().copied()))),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    );
    let id = integration.id();
    assert!(intern(id).is_ok(), "`{id}` is not a name of a platform");
    assert!(!integration.title().trim().is_empty(), "`{id}` has no title");
    settings_are_checked(integration, good);
    streams_are_whole(integration);
    let opened = match integration.open(good, &surroundings) {
        Ok(opened) => opened,
        Err(error) => panic!("`{id}` does not open good settings: {error}"),
    };
    assert_eq!(opened.mappings.platform(), id, "the mappings name another platform");
    assert_eq!(good["connection"], json!(opened.connection.as_str()), "another connection");
    ports_are_as_declared(&integration.capabilities(), &opened);
    let described: BTreeSet<_> = integration.describe().into_iter().map(|it| it.object).collect();
    for mapping in opened.mappings.objects() {
        assert!(described.contains(&mapping.object), "`{}` is not described", mapping.object);
    }
    let broken = integration.open(&json!({}), &surroundings);
    assert!(matches!(broken, Err(OpenError::Settings(_))), "`open` takes what `validate` refuses");
    unreachable_is_a_finding(integration, good, &surroundings).await;
    assert_eq!(description_of(integration).id, id);
}

fn settings_are_checked(integration: &dyn PlatformIntegration, good: &Value) {
    let schema = integration.settings_schema();
    assert_eq!(schema["type"], "object", "the schema is not one of an object");
    assert_eq!(schema["additionalProperties"], json!(false), "the schema takes any setting");
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(required.contains(&"connection"), "`connection` is not required");
    for name in &required {
        assert!(properties.contains_key(*name), "`{name}` is required and not described");
    }
    for (name, property) in &properties {
        assert!(property["description"].is_string(), "setting `{name}` has no description");
    }
    let faults = integration.validate(good);
    assert!(faults.is_empty(), "good settings are refused: {faults:?}");
    // Each required setting that is missing is a fault of its own, all in one report.
    let faults = integration.validate(&json!({}));
    for name in &required {
        assert!(names(&faults, name), "missing `{name}` is not reported: {faults:?}");
    }
    let mut odd = good.clone();
    odd["surprise"] = json!("hunter2");
    odd["connection"] = json!("Not A Name");
    let faults = integration.validate(&odd);
    assert!(names(&faults, "surprise"), "an unknown setting is not reported: {faults:?}");
    assert!(names(&faults, "connection"), "only the first fault is reported: {faults:?}");
    assert!(!names(&faults, "hunter2"), "a value is repeated: {faults:?}");
    assert!(!integration.validate(&json!([])).is_empty(), "a list is taken for settings");
}

fn names(faults: &[String], what: &str) -> bool {
    faults.iter().any(|it| it.contains(what))
}

fn streams_are_whole(integration: &dyn PlatformIntegration) {
    let streams = integration.describe();
    let capabilities = integration.capabilities();
    assert!(!streams.is_empty(), "no stream is described");
    let mut objects = BTreeSet::new();
    for stream in &streams {
        let object = &stream.object;
        assert!(objects.insert(object.clone()), "`{object}` is described twice");
        let mut fields = BTreeSet::new();
        for field in &stream.fields {
            assert!(fields.insert(&field.name), "`{object}.{}` is described twice", field.name);
            let Some(column) = &field.column else { continue };
            let is_column = stream.entity.is_some_and(|it| it.columns().contains(&column.as_str()));
            assert!(is_column, "`{object}.{}` goes to no column: `{column}`", field.name);
        }
        assert!(
            stream.fields.iter().all(|it| !it.can_write)
                || capabilities.contains(&Capability::Write),
            "`{object}` has fields to write, and the platform takes no changes"
        );
        assert!(
            !stream.tells_deletes || capabilities.contains(&Capability::ReadDeletes),
            "`{object}` tells deletes, and the platform does not"
        );
    }
    assert!(capabilities.contains(&Capability::ReadChanges), "nothing can be read");
}

/// Whoever asks for a capability finds the port behind it, and no port is there unasked.
fn ports_are_as_declared(capabilities: &BTreeSet<Capability>, opened: &OpenConnection) {
    let OpenConnection { writer, bulk_writer, bulk_reader, .. } = opened;
    assert_eq!(
        writer.is_some(),
        capabilities.contains(&Capability::Write),
        "`write` is declared without a writer, or not declared with one"
    );
    assert_eq!(
        bulk_writer.is_some() || bulk_reader.is_some(),
        capabilities.contains(&Capability::Bulk),
        "`bulk` is declared without a port for it, or not declared with one"
    );
    assert!(
        bulk_writer.is_none() || writer.is_some(),
        "there are jobs that write, and no writer for what they leave over"
    );
}

async fn unreachable_is_a_finding(
    integration: &dyn PlatformIntegration,
    good: &Value,
    surroundings: &Surroundings,
) {
    let report = integration.health(good, surroundings, None).await;
    for aspect in Aspect::ALL {
        let n = report.findings.iter().filter(|it| it.aspect == aspect).count();
        assert_eq!(n, 1, "`{aspect}` has {n} findings: {:?}", report.findings);
    }
    for finding in &report.findings {
        let is_bad = finding.verdict == Verdict::Bad;
        assert!(!is_bad || finding.fix.is_some(), "no fix: {finding:?}");
        assert_eq!(is_bad, finding.aspect == Aspect::Reachable, "{finding:?}");
        for secret in ["hunter2", "s3cret"] {
            assert!(!finding.what.contains(secret), "a secret is told: {finding:?}");
        }
    }
}
