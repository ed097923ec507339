//! The settings as they are in force, with where each value comes from, and without secrets.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use shared::config::ShownSetting;
use url::Url;

use super::document::Document;
use super::load::form;
use super::origin::Origin;

/// Every setting in force.
#[derive(Debug, Serialize)]
pub(crate) struct ShownSettings {
    settings: Vec<ShownSetting>,
}

impl ShownSettings {
    /// Lists what `document` says, with the defaults of what it does not say.
    pub(crate) fn of(document: &Document) -> Self {
        Self { settings: shown(document) }
    }
}

/// Lists what `document` says, with the defaults of what it does not say.
pub(super) fn shown(document: &Document) -> Vec<ShownSetting> {
    let mut settings = Vec::new();
    form().visit(document.root(), &mut |path, schema, value| {
        let origin = document.origin(path);
        let is_hidden = matches!(origin, Origin::Environment { .. } | Origin::Flag { .. });
        settings.push(ShownSetting {
            path: path.to_owned(),
            value: redacted(value),
            source: origin.to_string(),
            can_change: !is_hidden && schema.get("x-changeable") == Some(&Value::Bool(true)),
        });
    });
    settings
}

impl fmt::Display for ShownSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, ShownSetting { path, value, source, .. }) in self.settings.iter().enumerate() {
            let end = if idx == 0 { "" } else { "\n" };
            write!(f, "{end}{path} = {value}  # {source}")?;
        }
        Ok(())
    }
}

/// Returns `value` without what stands before the `@` of an address.
fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => match Url::parse(text) {
            Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
                let _ = url.set_password(None);
                let _ = url.set_username("");
                Value::String(url.into())
            }
            _ => value.clone(),
        },
        Value::Array(list) => list.iter().map(redacted).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, it)| (name.clone(), redacted(it))).collect())
        }
        _ => value.clone(),
    }
}

/// Returns the JSON Schema of every setting, as it is published.
pub(crate) fn schema_text() -> String {
    let mut text = serde_json::to_string_pretty(form().schema()).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn setting_is_shown_with_its_source_and_without_user_information() {
        let mut document = Document::default();
        let origin = Origin::File { path: "m.toml".into(), line: 2 };
        let cases = json!("postgres://mood:hunter2@db.example/cases");
        document.lay("store.cases", cases, &origin).unwrap();

        let shown = ShownSettings::of(&document).to_string();

        assert!(
            shown.contains("store.cases = \"postgres://db.example/cases\"  # m.toml:2"),
            "{shown}"
        );
        assert!(shown.contains("poll.every = \"1m\"  # default"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn every_text_format_has_a_check() {
        assert_eq!(form().unchecked_formats(), Vec::<String>::new());
    }

    #[test]
    fn published_schema_is_current() {
        let published = include_str!("../../docs/moodbridge.schema.json");
        assert_eq!(
            published,
            schema_text(),
            "run `moodbridge config schema`, see docs/settings.md"
        );
    }
}
