//! Rules, dashboards, the compose file and the pages that alerts point to.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::tools::{assert_success, check, find, promtool, root};

#[test]
fn rules_and_settings_of_prometheus_are_well_formed() {
    let Some(tool) = promtool() else { return };
    check(tool.clone(), &["check", "rules", "rules/alerts.yml", "rules/objectives.yml"]);
    check(tool, &["check", "config", "prometheus.yml"]);
}

#[test]
fn every_alert_fires_by_its_fault() {
    let Some(tool) = promtool() else { return };
    check(tool, &["test", "rules", "tests/alerts.yml"]);
    let rules = std::fs::read_to_string(root().join("infra/prometheus/rules/alerts.yml")).unwrap();
    let tests = std::fs::read_to_string(root().join("infra/prometheus/tests/alerts.yml")).unwrap();
    let fired: BTreeSet<_> = fired_by(&tests);
    for alert in rules.lines().filter_map(|it| it.trim().strip_prefix("- alert: ")) {
        assert!(fired.contains(alert), "no test fires `{alert}`");
    }
}

/// Returns the names of alerts that a test expects to fire.
fn fired_by(tests: &str) -> BTreeSet<&str> {
    let lines: Vec<_> = tests.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair.get(1) == Some(&"exp_alerts:"));
    pairs.filter_map(|pair| pair.first()?.strip_prefix("alertname: ")).collect()
}

#[test]
fn every_alert_has_a_runbook_that_names_it() {
    let rules = std::fs::read_to_string(root().join("infra/prometheus/rules/alerts.yml")).unwrap();
    let mut alert = "";
    let mut n_checked = 0;
    for line in rules.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alert = name;
        } else if let Some(path) = line.strip_prefix("runbook_url: ") {
            let page = std::fs::read_to_string(root().join(path)).unwrap_or_default();
            assert!(page.contains(alert), "`{path}` does not name `{alert}`");
            n_checked += 1;
        }
    }
    assert!(n_checked > 10, "{n_checked}");
}

#[test]
fn dashboards_have_unique_panels_with_units_and_a_chosen_source() {
    let mut uids = BTreeSet::new();
    for (name, board) in dashboards() {
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "{name}: uid");
        let variables = board["templating"]["list"].as_array().unwrap();
        assert!(variables.iter().any(|it| it["type"] == "datasource"), "{name}: datasource");
        let panels = board["panels"].as_array().unwrap();
        let ids: BTreeSet<_> = panels.iter().map(|it| it["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}: panel ids");
        for panel in panels {
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {panel}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {panel}");
        }
    }
    assert_eq!(uids.len(), 5);
}

#[test]
fn every_query_of_a_dashboard_is_understood_by_promtool() {
    let Some(tool) = promtool() else { return };
    let mut rules = "groups:\n- name: dashboards\n  rules:\n".to_owned();
    let mut n_queries = 0;
    for (_, board) in dashboards() {
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
                let query = serde_json::to_string(&query).unwrap();
                let _ =
                    write!(rules, "  - record: dashboard:query:{n_queries}\n    expr: {query}\n");
                n_queries += 1;
            }
        }
    }
    assert!(n_queries > 20, "{n_queries}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, rules).unwrap();
    assert_success(&Command::new(tool).args(["check", "rules"]).arg(file).output().unwrap());
}

fn dashboards() -> Vec<(String, Value)> {
    let folder = root().join("infra/grafana/dashboards");
    let entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries
        .filter(|it| it.extension().is_some_and(|it| it == "json"))
        .map(|it| {
            let board = serde_json::from_slice(&std::fs::read(&it).unwrap()).unwrap();
            (it.display().to_string(), board)
        })
        .collect()
}

#[test]
fn compose_file_keeps_to_the_specification() {
    let tool = find("prometheus", "check-jsonschema", "MOODBRIDGE_CHECK_JSONSCHEMA");
    let Some(tool) = tool else { return };
    let file = root().join("infra/compose.yaml");
    let mut checked = Command::new(tool);
    checked.args(["--builtin-schema", "vendor.compose-spec"]).arg(&file);
    assert_success(&checked.output().unwrap());
    for line in std::fs::read_to_string(file).unwrap().lines().map(str::trim) {
        if let Some(image) = line.strip_prefix("image: ") {
            assert!(image.contains(':') && !image.ends_with(":latest"), "{image} is not pinned");
        }
    }
}

#[test]
fn log_fields_are_the_documented_ones() {
    let page = std::fs::read_to_string(root().join("docs/LOGGING.md")).unwrap();
    let mut missing = BTreeSet::new();
    for folder in ["shared", "functions", "src"] {
        visit(&root().join(folder), &mut |source| {
            for field in dotted_fields(source) {
                if !page.contains(&format!("`{field}`")) {
                    missing.insert(field.to_owned());
                }
            }
        });
    }
    assert!(missing.is_empty(), "docs/LOGGING.md does not list {missing:?}");
}

/// Returns the dotted names that stand before a `=` within the logging macros of a source.
fn dotted_fields(source: &str) -> Vec<&str> {
    let macros = ["debug!(", "info!(", "warn!(", "error!(", "info_span!("];
    let calls = macros.iter().flat_map(|name| source.split(name).skip(1));
    calls
        .filter_map(|rest| rest.split_once(");").map(|(call, _)| call))
        .flat_map(|call| call.split([',', '\n']))
        .filter_map(|part| part.split_once(" = ").map(|(name, _)| name.trim()))
        .filter(|name| name.contains('.') && !name.starts_with("otel."))
        .filter(|name| name.chars().all(|it| it.is_ascii_lowercase() || "._".contains(it)))
        .collect()
}

fn visit(folder: &std::path::Path, read: &mut dyn FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
        if entry.is_dir() {
            visit(&entry, read);
        } else if entry.extension().is_some_and(|it| it == "rs") {
            read(&std::fs::read_to_string(&entry).unwrap());
        }
    }
}
