//! What a package is made of, as `CycloneDX`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::build::Buildable;
use crate::workspace::{self, ChoreError};

/// Between the parts of a line of `cargo tree`; no name or licence has it.
const SEPARATOR: char = '|';

/// Lists the crates that are linked into `function`.
/// Source: `CycloneDX` 1.6 JSON reference.
pub(super) fn of(function: &Buildable) -> Result<String, ChoreError> {
    let tried = format!("list what `{}` is made of", function.name);
    let features = function.features.join(",");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}|{l}", "--package", &function.name])
        .args(["--no-default-features", "--features", &features])
        .current_dir(workspace::root())
        .output()
        .map_err(|error| ChoreError::new(&tried, error))?;
    if !output.status.success() {
        return Err(ChoreError::new(&tried, String::from_utf8_lossy(&output.stderr)));
    }
    let document = document(function, &String::from_utf8_lossy(&output.stdout));
    let text = serde_json::to_string_pretty(&document);
    text.map(|it| it + "\n").map_err(|error| ChoreError::new(&tried, error))
}

fn document(function: &Buildable, tree: &str) -> Value {
    let crates: BTreeSet<(String, String, String)> = tree.lines().filter_map(part).collect();
    let component = |(name, version, license): &(String, String, String)| {
        let mut component = json!({
            "type": "library",
            "name": name,
            "version": version,
            "purl": format!("pkg:cargo/{name}@{version}"),
            "bom-ref": format!("pkg:cargo/{name}@{version}"),
        });
        if let (false, Some(fields)) = (license.is_empty(), component.as_object_mut()) {
            fields.insert("licenses".to_owned(), json!([{"expression": license}]));
        }
        component
    };
    let (ours, others): (Vec<_>, Vec<_>) =
        crates.iter().partition(|(name, ..)| *name == function.name);
    let version = ours.first().map(|(_, version, _)| version.clone());
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "name": function.name, "version": version,
        }},
        "components": others.iter().map(|it| component(it)).collect::<Vec<_>>(),
    })
}

/// Reads such as `serde v1.0.1 (proc-macro)|MIT OR Apache-2.0`.
fn part(line: &str) -> Option<(String, String, String)> {
    let (package, license) = line.split_once(SEPARATOR)?;
    let license = license.trim_end_matches(" (*)").replace('/', " OR ");
    let mut words = package.split_whitespace();
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    let is_linked = !package.contains("(proc-macro)");
    is_linked.then_some((name, version, license))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_becomes_components_each_once_without_what_only_builds() {
        let function = Buildable { name: "sync-worker".to_owned(), features: Vec::new() };
        let tree = "sync-worker v0.1.0 (/x)|Apache-2.0\nserde v1.0.1|MIT/Apache-2.0\n\
                    serde v1.0.1|MIT/Apache-2.0 (*)\nserde_derive v1.0.1 (proc-macro)|MIT\n";
        let document = document(&function, tree);
        let component = &document["metadata"]["component"];
        assert_eq!(
            (&component["name"], &component["version"]),
            (&json!("sync-worker"), &json!("0.1.0"))
        );
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), 1, "{components:?}");
        assert_eq!(components[0]["purl"], "pkg:cargo/serde@1.0.1");
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }
}
