//! Rules of form that no other tool checks.

use std::path::Path;

use crate::workspace::{self, ChoreError};

/// Longest source file before its tests, in lines.
const MAX_LINES: usize = 400;
/// Longest inline test module, in lines: beyond it the tests get a file of their own.
const MAX_TEST_LINES: usize = 200;

/// What may lie at the top of the repository.
const ROOT_FILES: &[&str] = &[
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Features that are not platforms, and where each may be asked for.
const OTHER_FEATURES: &[(&str, &str)] = &[
    ("testkit", "shared/"),
    ("analytics", "shared/src/"),
    ("openapi", "shared/"),
    ("lambda", "shared/host/"),
    ("azure", "shared/host/"),
    ("local", "shared/host/"),
    ("otlp", "shared/host/"),
    ("pipelines", "shared/adapters/engine/"),
    ("query", "shared/adapters/engine/"),
    ("sets", "shared/adapters/engine/"),
];

/// Lists every breach, each with its place.
pub(crate) fn faults() -> Result<Vec<String>, ChoreError> {
    let mut faults = Vec::new();
    for path in workspace::files()? {
        check_root(&path, &mut faults);
        match path.extension().and_then(|it| it.to_str()) {
            Some("rs") => check_source(&path, &workspace::read_text(&path)?, &mut faults),
            Some("toml") if path.file_name().is_some_and(|it| it == "Cargo.toml") => {
                check_manifest(&path, &workspace::read_text(&path)?, &mut faults);
            }
            _ => {}
        }
    }
    Ok(faults)
}

fn check_root(path: &Path, faults: &mut Vec<String>) {
    let is_at_top = path.parent().is_some_and(|parent| parent.as_os_str().is_empty());
    let is_allowed = path.to_str().is_some_and(|name| ROOT_FILES.contains(&name));
    if is_at_top && !is_allowed {
        faults.push(format!(
            "{}: the top folder holds only what `tidy` lists; move it, or list it",
            path.display()
        ));
    }
}

fn check_source(path: &Path, text: &str, faults: &mut Vec<String>) {
    let at = |line: usize| format!("{}:{line}", path.display());
    if !text.starts_with("//! ") {
        faults.push(format!("{}: say what the file is for in a `//!` line", at(1)));
    }
    let lines: Vec<&str> = text.lines().collect();
    let tests_begin = lines.iter().position(|line| line.trim() == "#[cfg(test)]");
    let n_before_tests = tests_begin.unwrap_or(lines.len());
    let is_test_file = is_test(path);
    if n_before_tests > MAX_LINES && !is_test_file {
        faults.push(format!(
            "{}: {n_before_tests} lines before the tests; split by meaning ({MAX_LINES} at most)",
            at(1)
        ));
    }
    let n_test_lines = lines.len() - n_before_tests;
    if n_test_lines > MAX_TEST_LINES && !is_test_file {
        faults.push(format!(
            "{}: {n_test_lines} lines of tests; move them to `{}/tests.rs`",
            at(n_before_tests + 1),
            path.with_extension("").display()
        ));
    }
    for (idx, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if code.starts_with("#[allow(") || code.starts_with("#![allow(") {
            faults.push(format!(
                "{}: write `#[expect(lint, reason = \"…\")]` instead of `allow`",
                at(idx + 1)
            ));
        }
        if let Some(feature) = feature_asked_for(code)
            && !may_ask_for(path, feature)
        {
            faults.push(format!(
                "{}: only `wiring` asks for the platform feature `{feature}`",
                at(idx + 1)
            ));
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs")
        || path.components().any(|it| matches!(it.as_os_str().to_str(), Some("tests" | "benches")))
}

fn feature_asked_for(code: &str) -> Option<&str> {
    if !code.contains("cfg") || code.starts_with("//") {
        return None;
    }
    let after = code.split_once("feature = \"")?.1;
    after.split_once('"').map(|(feature, _)| feature)
}

fn may_ask_for(path: &Path, feature: &str) -> bool {
    let path = path.to_string_lossy();
    path.starts_with("shared/wiring/")
        || path.starts_with("scripts/xtask/")
        || OTHER_FEATURES.iter().any(|(name, folder)| *name == feature && path.starts_with(folder))
}

fn check_manifest(path: &Path, text: &str, faults: &mut Vec<String>) {
    let mut fault = |what: &str| faults.push(format!("{}: {what}", path.display()));
    if !text.contains("[lints]\nworkspace = true") {
        fault("add `[lints]` with `workspace = true`");
    }
    let is_root = path.to_str() == Some("Cargo.toml");
    let mut section = "";
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let names_version = line.contains("version = \"") || line.contains(" = \"");
        if !is_root && section.ends_with("dependencies]") && names_version {
            fault(&format!(
                "`{line}`: versions live in the root's table; write `workspace = true`"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_is_tidy() {
        let faults = faults().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn file_without_its_line_is_a_fault() {
        let mut faults = Vec::new();
        check_source(Path::new("shared/src/x.rs"), "use std::fmt;\n", &mut faults);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn long_file_is_a_fault_unless_it_is_a_test() {
        let text = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
        let mut faults = Vec::new();
        check_source(Path::new("shared/src/x.rs"), &text, &mut faults);
        check_source(Path::new("tests/flow/main.rs"), &text, &mut faults);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn platform_feature_outside_wiring_is_a_fault() {
        let text = "//! X.\n#[cfg(feature = \"salesforce\")]\nmod y;\n";
        let mut faults = Vec::new();
        check_source(Path::new("functions/x/src/lib.rs"), text, &mut faults);
        check_source(Path::new("shared/wiring/src/lib.rs"), text, &mut faults);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn version_outside_the_table_is_a_fault() {
        let text = "[dependencies]\nserde = \"1\"\n\n[lints]\nworkspace = true\n";
        let mut faults = Vec::new();
        check_manifest(Path::new("shared/Cargo.toml"), text, &mut faults);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}
