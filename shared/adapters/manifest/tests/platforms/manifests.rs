//! Manifests with faults, and the schema for editors.

use adapter_manifest::{BUILT_IN, load, schema};
use serde_json::Value;
use shared::model::Entity;

/// A manifest without a fault, in as few lines as there can be.
const GOOD: &str = "\
manifest: 1
id: toy
title: Toy
base_url: https://{host}/v1
settings:
  host: {about: The host., default: toy.test}
auth:
  - kind: api_key
    header: X-Key
health:
  path: me
streams:
  Note:
    entity: case
    path: notes
    read_path: notes/{id}
    params: {sort: changed}
    paging: {kind: none}
    incremental: {param: since, order: version}
    version: /at
    fields:
      title: {to: title}
";

fn faults(text: &str) -> Vec<String> {
    match load([("toy.yaml", text)]) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn manifests_of_this_build_have_no_fault() {
    let manifests = load(BUILT_IN).unwrap_or_else(|it| panic!("{:#?}", it.faults()));
    let ids: Vec<_> = manifests.iter().map(adapter_manifest::Manifest::id).collect();
    assert_eq!(ids, ["clio", "github-issues"]);
    assert_eq!(faults(GOOD), Vec::<String>::new());
}

#[test]
fn manifest_of_the_guide_has_no_fault() {
    let guide = include_str!("../../../../../docs/guides/new-integration.md");
    let text = guide.split("```yaml\n").nth(1).and_then(|it| it.split("```").next()).unwrap();
    assert_eq!(faults(text), Vec::<String>::new());
}

#[test]
fn columns_of_the_guide_are_all_there_are() {
    let guide = include_str!("../../../../../docs/guides/new-integration.md");
    for entity in Entity::ALL {
        let columns: Vec<_> = entity.columns().iter().map(|it| format!("`{it}`")).collect();
        let row = format!("| `{entity}` | {} |", columns.join(", "));
        assert!(guide.contains(&row), "the guide lacks: {row}");
    }
}

#[test]
fn each_fault_names_its_line_and_its_way_out() {
    for (from, to, wanted) in [
        ("manifest: 1", "manifest: 2", "toy.yaml:1: manifest: 2 is not from 1 to 1"),
        (
            "id: toy",
            "id: My Toy",
            "toy.yaml:2: id: `My Toy` does not fit: write 1 to 40 lower-case",
        ),
        ("title: Toy\n", "", "title: is missing: The platform's name for people."),
        ("title: Toy", "titel: Toy", "toy.yaml:3: titel: is not a key here: did you mean `title`?"),
        (
            "https://{host}",
            "https://{hots}",
            "toy.yaml:4: base_url: `{hots}` is not a setting: did you mean `host`?",
        ),
        (
            "https://{host}/v1",
            "toy.test",
            "toy.yaml:4: base_url: `toy.test` does not fit: write an address",
        ),
        ("https://{host}", "https://toy.test", "toy.yaml:6: settings.host: is not used"),
        ("host: {", "auth: {", "settings.auth: is a setting of every connection"),
        (
            "kind: api_key",
            "kind: apikey",
            "toy.yaml:8: auth.0.kind: `apikey` is not known: did you mean `api_key`?",
        ),
        (
            "  - kind: api_key\n    header",
            "  - header",
            "auth.0.kind: is missing: write one of `bearer`",
        ),
        ("    header: X-Key\n", "", "auth.0: write one of `header` and `query`"),
        ("header: X-Key", "header: X Key", "toy.yaml:9: auth.0.header: `X Key` does not fit"),
        (
            "  path: me",
            "  path: /me",
            "toy.yaml:11: health.path: `/me` does not fit: write a path below",
        ),
        ("Note:", "9Note:", "toy.yaml:13: streams.9Note: `9Note` does not fit"),
        (
            "entity: case",
            "entity: cases",
            "toy.yaml:14: streams.Note.entity: `cases` is not known: did you mean `case`?",
        ),
        ("path: notes\n", "path: notes?a=1\n", "toy.yaml:15: streams.Note.path"),
        ("notes/{id}", "notes/1", "toy.yaml:16: streams.Note.read_path: has no `{id}`"),
        ("{sort: changed}", "{since: x}", "`since` is written by `paging` or `incremental`"),
        ("    params: {sort: changed}\n", "", "streams.Note.params: are needed"),
        (
            "{kind: none}",
            "{kind: nextpage}",
            "toy.yaml:18: streams.Note.paging.kind: `nextpage` is not known",
        ),
        (
            "{kind: none}",
            "{kind: next_url}",
            "streams.Note.paging.at: is missing: Where that address stands.",
        ),
        (
            "{kind: none}",
            "none",
            "toy.yaml:18: streams.Note.paging: is text: write a map with `kind`",
        ),
        (
            "order: version",
            "order: id",
            "toy.yaml:19: streams.Note.incremental.order: `id` is not known",
        ),
        (
            "version: /at",
            "version: at",
            "toy.yaml:20: streams.Note.version: `at` does not fit: write a JSON pointer",
        ),
        ("    version: /at\n", "", "streams.Note.version: is missing"),
        (
            "{to: title}",
            "{to: titel}",
            "toy.yaml:22: streams.Note.fields.title: `titel` is not a column of `case`: did you mean `title`?",
        ),
        ("{to: title}", "{to: is_closed}", "column `is_closed` needs `type: bool`"),
        (
            "{to: title}",
            "{to: opened_at}",
            "column `opened_at` needs `type: date` or `type: datetime`",
        ),
        ("{to: title}", "{to: account_id, type: reference}", "`object` is missing"),
        (
            "{to: title}",
            "{to: account_id, type: reference, object: Firm}",
            "`Firm` is not a stream",
        ),
        (
            "{to: title}",
            "{to: account_id, type: reference, object: Note}",
            "`account_id` points at `account`, but `Note` is `case`",
        ),
        ("{to: title}", "{to: title, otherwise: x}", "`otherwise` needs `values`"),
        ("{to: title}", "{to: title, when: {at: /a}}", "write one of `equals` and `present`"),
        (
            "{to: title}",
            "{to: title}\n      name: {to: title}",
            "column `title` is filled by another field already",
        ),
        ("{to: title}", "title", "toy.yaml:22: streams.Note.fields.title: is text: write a map of"),
        ("health:", "rate_limit: {calls: 5}\nhealth:", "rate_limit: `calls` and `per` go together"),
        (
            "health:",
            "rate_limit: {calls: 5, per: soon}\nhealth:",
            "rate_limit.per: `soon` does not fit: write a duration such as `60s`",
        ),
        ("health:", "rate_limit: {reset_header: X-A}\nhealth:", "needs `remaining_header`"),
        ("health:", "errors: [{kind: denied}]\nhealth:", "errors.0: fits every answer"),
        (
            "health:",
            "errors: [{status: 200, kind: denied}]\nhealth:",
            "errors.0.status: 200 is not from 300 to 599",
        ),
        ("title: Toy", "title: \"Toy", "is not YAML"),
        ("title: Toy", "title: Toy\ntitle: Two", "is not YAML"),
    ] {
        assert!(GOOD.contains(from), "`{from}` is not in the good manifest");
        let found = faults(&GOOD.replacen(from, to, 1));
        assert!(
            found.iter().any(|it| it.contains(wanted)),
            "`{to}`: `{wanted}` is not in {found:#?}"
        );
    }
}

#[test]
fn every_fault_of_every_file_is_reported_at_once() {
    let one = GOOD.replace("entity: case", "entity: cases").replace("title: Toy\n", "");
    let two = GOOD.replace("version: /at", "version: at");
    let error = load([("one.yaml", one.as_str()), ("two.yaml", two.as_str())]).unwrap_err();
    let files: Vec<_> = error.faults().iter().map(|it| it.file.as_str()).collect();
    assert_eq!(files, ["one.yaml", "one.yaml", "two.yaml"]);
}

#[test]
fn one_id_in_two_files_is_a_fault_of_the_second() {
    let error = load([("one.yaml", GOOD), ("two.yaml", GOOD)]).unwrap_err();
    let fault = error.faults()[0].to_string();
    assert_eq!(fault, "two.yaml: id: `toy` is declared in `one.yaml` already");
}

#[test]
fn yaml_that_grows_without_end_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    assert!(faults(&bomb)[0].contains("is not YAML"), "{:?}", faults(&bomb));
}

#[test]
fn published_schema_is_current() {
    let published = include_str!("../../../../../docs/connector.schema.json");
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert_eq!(published, current, "write it again: `moodbridge platforms schema`");
}

#[test]
fn schema_takes_the_good_manifests_and_not_the_broken() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let json = |text: &str| -> Value { serde_saphyr::from_str(text).unwrap() };
    for (file, text) in BUILT_IN {
        let errors: Vec<_> = validator.iter_errors(&json(text)).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
    for (from, to) in [
        ("manifest: 1", "manifest: 2"),
        ("title: Toy", "titel: Toy"),
        ("entity: case", "entity: cases"),
        ("{kind: none}", "{kind: next_url}"),
        ("{to: title}", "{too: title}"),
    ] {
        assert!(!validator.is_valid(&json(&GOOD.replacen(from, to, 1))), "`{to}` is taken");
    }
}
