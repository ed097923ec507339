//! Settings of a small firm, one of which was changed already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::config::{Fault, Form, SettingsEditor, SettingsReader, ShownSetting, Span};
use shared::ids::PersonId;
use shared::ports::{LedgerSettingsStore, MemoryLedger};

use super::{NOON, StoppedClock};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    poll: Poll,
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Poll {
    #[schemars(extend("x-changeable" = true))]
    every: Span,
    #[schemars(extend("x-changeable" = true))]
    lag: Span,
}

impl Default for Poll {
    fn default() -> Self {
        Self { every: Span(Duration::from_secs(60)), lag: Span(Duration::from_secs(5)) }
    }
}

struct Reader;

impl SettingsReader for Reader {
    fn read(
        &self,
        version: u64,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<ShownSetting>, Vec<Fault>> {
        let mut poll = Map::new();
        for (path, value) in values {
            poll.insert(path.trim_start_matches("poll.").to_owned(), value.clone());
        }
        let document = Value::Object(Map::from_iter([("poll".to_owned(), poll.into())]));
        let form = Form::of::<Settings>();
        let reading = form.read::<Settings>(&document);
        if !reading.faults.is_empty() {
            return Err(reading.faults);
        }
        let mut shown = Vec::new();
        form.visit(&document, &mut |path, schema, value| {
            let is_changed = values.contains_key(path);
            shown.push(ShownSetting {
                path: path.to_owned(),
                value: value.clone(),
                source: if is_changed { format!("change {version}") } else { "default".into() },
                can_change: schema.get("x-changeable").is_some(),
            });
        });
        Ok(shown)
    }
}

/// Returns the settings at version 1, by `chair`.
pub(crate) async fn book() -> SettingsEditor {
    let store = Arc::new(LedgerSettingsStore::new(Arc::new(MemoryLedger::default())));
    let clock = Arc::new(StoppedClock(NOON));
    let editor = SettingsEditor::new(store, clock, Form::of::<Settings>(), Reader, 0);
    let patch = BTreeMap::from([("poll.every".to_owned(), Some(Value::from("2m")))]);
    let author = PersonId::parse("chair").unwrap();
    editor.change(0, &patch, author, "too many calls").await.unwrap();
    editor
}
