//! A hundred broken configurations, each with what must be answered to it.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::config::Env;

use super::Places;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    set: Vec<String>,
    faults: Vec<String>,
}

fn cases() -> Vec<Case> {
    let table: Table = toml::from_str(include_str!("../../tests/config/broken.toml")).unwrap();
    table.case
}

fn answer(case: &Case) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moodbridge.toml");
    std::fs::write(&file, &case.file).unwrap();
    let places = Places {
        file: Some(file),
        data_dir: folder.path().join("data"),
        env: Env::from_pairs(case.env.clone()),
        flags: case.set.clone(),
    };
    let loaded = places.load();
    let Err(error) = loaded else { return vec!["was taken".to_owned()] };
    assert!(!places.data_dir.exists(), "{}: the data folder was touched", case.name);
    let folder = format!("{}/", folder.path().display());
    error.faults().iter().map(|it| it.replace(&folder, "")).collect()
}

#[test]
fn each_broken_configuration_is_answered_with_every_fault() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let found = answer(case);
            let listed = || serde_json::to_string(&found).unwrap();
            (found != case.faults).then(|| format!("\n@@{:?}: {}", case.name, listed()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn there_are_a_hundred_of_them_and_no_two_alike() {
    let cases = cases();
    let names: std::collections::BTreeSet<_> = cases.iter().map(|it| &it.name).collect();
    let answers: std::collections::BTreeSet<_> = cases.iter().map(|it| &it.faults).collect();
    assert!(names.len() >= 100 && names.len() == cases.len(), "{}", names.len());
    assert_eq!(answers.len(), cases.len());
}

#[test]
fn no_answer_repeats_a_secret() {
    for case in cases() {
        let answer = answer(&case).concat();
        assert!(!answer.contains("hunter2"), "{}: {answer}", case.name);
    }
}
