//! Reads `moodbridge.toml`, and remembers the line of each setting.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Number, Value};
use shared::config::Fault;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::origin::Origin;

/// Lays what `text`, the file at `path`, says; returns every place where it is not TOML.
///
/// The text around such a place is not repeated, because it may hold a secret.
pub(crate) fn lay(document: &mut Document, path: &Path, text: &str) -> Vec<Fault> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let file = File { path, text };
    let faults: Vec<Fault> = errors
        .iter()
        .map(|error| {
            let line = file.line(&error.span().unwrap_or_default());
            Fault::new("", format!("{}:{line}: is not TOML: {}", path.display(), error.message()))
        })
        .collect();
    if faults.is_empty() {
        let mut lines = Vec::new();
        if let Value::Object(map) = file.table("", table.get_ref(), &mut lines) {
            for (name, value) in map {
                document.lay_whole(&name, value);
            }
        }
        for (path, line) in lines {
            document.note(&path, file.origin(line));
        }
    }
    faults
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.text.bytes().take(span.start).filter(|it| *it == b'\n').count()
    }

    fn origin(&self, line: usize) -> Origin {
        Origin::File { path: self.path.to_path_buf(), line }
    }

    fn table(&self, path: &str, table: &DeTable<'_>, lines: &mut Vec<(String, usize)>) -> Value {
        let mut map = Map::new();
        for (name, value) in table {
            let name_text: &str = name.get_ref();
            let inner =
                if path.is_empty() { name_text.to_owned() } else { format!("{path}.{name_text}") };
            lines.push((inner.clone(), self.line(&name.span())));
            map.insert(name_text.to_owned(), self.value(&inner, value, lines));
        }
        Value::Object(map)
    }

    fn value(
        &self,
        path: &str,
        value: &Spanned<DeValue<'_>>,
        lines: &mut Vec<(String, usize)>,
    ) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(it) => i64::from_str_radix(it.as_str(), it.radix())
                .map_or_else(|_| Value::String(it.as_str().to_owned()), Value::from),
            DeValue::Float(it) => it
                .as_str()
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String(it.as_str().to_owned()), Value::Number),
            DeValue::Boolean(it) => Value::Bool(*it),
            DeValue::Datetime(it) => Value::String(it.to_string()),
            DeValue::Table(table) => self.table(path, table, lines),
            DeValue::Array(list) => list
                .iter()
                .enumerate()
                .map(|(idx, one)| {
                    let inner = format!("{path}[{idx}]");
                    lines.push((inner.clone(), self.line(&one.span())));
                    self.value(&inner, one, lines)
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_remembers_its_line() {
        let mut document = Document::default();
        let text = "[poll]\nevery = \"1s\"\n\n[[connections]]\nplatform = \"salesforce\"\n\
                    [[connections]]\nauth.flow = \"x\"\n";

        assert!(lay(&mut document, Path::new("m.toml"), text).is_empty());

        for (path, line) in [
            ("poll.every", 2),
            ("connections[0].platform", 5),
            ("connections[1].auth.flow", 7),
            ("connections[1]", 6),
        ] {
            assert_eq!(document.origin(path).to_string(), format!("m.toml:{line}"), "{path}");
        }
    }

    #[test]
    fn every_place_that_is_not_toml_is_named_and_not_repeated() {
        let mut document = Document::default();
        let text = "[poll\nevery = \"1s\"\n[api]\nsecret = hunter2 hunter2\n";

        let faults = lay(&mut document, Path::new("m.toml"), text);

        assert!(faults.len() > 1, "{faults:?}");
        assert!(faults[0].what.starts_with("m.toml:1: is not TOML"), "{faults:?}");
        assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
    }
}
