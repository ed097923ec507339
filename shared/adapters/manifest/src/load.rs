//! From files to manifests: every fault of every file at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fault::{Faults, InvalidManifests, ManifestFault};
use crate::grammar::MANIFEST;
use crate::manifest::Manifest;
use crate::rules;
use crate::tree::Node;

/// The longest manifest taken, in bytes.
const MAX_BYTES: usize = 1_048_576;

/// Reads manifests from pairs of a file's name and its text.
///
/// # Errors
///
/// [`InvalidManifests`] with every fault of every file.
pub fn load<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Manifest>, InvalidManifests> {
    let mut manifests = Vec::new();
    let mut faults = Vec::new();
    let mut seen = BTreeMap::new();
    for (file, text) in files {
        match load_one(file, text) {
            Ok(manifest) => {
                if let Some(other) = seen.insert(manifest.id.clone(), file) {
                    let text = format!("`{}` is declared in `{other}` already", manifest.id);
                    let (file, path) = (file.to_owned(), "id".to_owned());
                    faults.push(ManifestFault { file, line: 0, path, text });
                }
                manifests.push(manifest);
            }
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(manifests) } else { Err(InvalidManifests::new(faults)) }
}

fn load_one(file: &str, text: &str) -> Result<Manifest, Vec<ManifestFault>> {
    let mut faults = Faults::of(file);
    if text.len() > MAX_BYTES {
        faults.add(0, "", format!("is longer than {MAX_BYTES} bytes"));
        return Err(faults.into_list());
    }
    let tree: Node = match serde_saphyr::from_str(text) {
        Ok(tree) => tree,
        Err(error) => {
            let line = error.location().map_or(0, |it| it.line());
            let error = error.without_snippet().to_string();
            faults.add(line, "", format!("is not YAML: {error}"));
            return Err(faults.into_list());
        }
    };
    let json = MANIFEST.read(&tree, "", &mut faults);
    if !faults.is_empty() {
        return Err(faults.into_list());
    }
    match serde_json::from_value::<Manifest>(json) {
        Ok(manifest) => {
            rules::check(&manifest, &tree, &mut faults);
            if faults.is_empty() { Ok(manifest) } else { Err(faults.into_list()) }
        }
        Err(error) => {
            faults.add(0, "", error.to_string());
            Err(faults.into_list())
        }
    }
}

/// Returns the JSON Schema of manifests, for editors.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MoodBridge connector manifest",
        "description": "A platform declared in YAML: see docs/guides/new-integration.md.",
    });
    if let (Value::Object(schema), Value::Object(shape)) = (&mut schema, MANIFEST.schema()) {
        schema.extend(shape);
    }
    schema
}
