//! What may be changed, by whom and from which version.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::config::Span;
use crate::ports::{LedgerSettingsStore, MemoryLedger, SystemClock};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Firm {
    poll: Poll,
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Poll {
    #[schemars(extend("x-changeable" = true))]
    every: Span,
    #[schemars(extend("x-changeable" = true))]
    page_size: u16,
}

impl Default for Poll {
    fn default() -> Self {
        Self { every: Span(std::time::Duration::from_secs(60)), page_size: 200 }
    }
}

struct FirmReader;

impl SettingsReader for FirmReader {
    fn read(
        &self,
        version: u64,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<ShownSetting>, Vec<Fault>> {
        let mut document = json!({"poll": {}});
        for (path, value) in values {
            document["poll"][path.trim_start_matches("poll.")] = value.clone();
        }
        let reading = Form::of::<Firm>().read::<Firm>(&document);
        if !reading.faults.is_empty() {
            return Err(reading.faults);
        }
        let source = format!("change {version}");
        let shown = values.iter().map(|(path, value)| ShownSetting {
            path: path.clone(),
            value: value.clone(),
            source: source.clone(),
            can_change: true,
        });
        Ok(shown.collect())
    }
}

fn editor() -> SettingsEditor {
    let store = Arc::new(LedgerSettingsStore::new(Arc::new(MemoryLedger::default())));
    SettingsEditor::new(store, Arc::new(SystemClock), Form::of::<Firm>(), FirmReader, 0)
}

fn ada() -> PersonId {
    PersonId::parse("ada").unwrap()
}

fn patch(path: &str, value: Option<Value>) -> BTreeMap<String, Option<Value>> {
    BTreeMap::from([(path.to_owned(), value)])
}

#[tokio::test]
async fn change_is_kept_with_its_author_and_its_difference() {
    let editor = editor();
    assert_eq!(editor.changeable().collect::<Vec<_>>(), ["poll.every", "poll.page_size"]);

    editor.change(0, &patch("poll.every", Some("30s".into())), ada(), "busy day").await.unwrap();
    editor.change(1, &patch("poll.every", Some("45s".into())), ada(), "calmer").await.unwrap();

    let history = editor.history().await.unwrap();
    assert_eq!((history[0].version, history[0].author.as_str()), (2, "ada"));
    let wanted = SettingChange {
        path: "poll.every".into(),
        before: Some("30s".into()),
        after: Some("45s".into()),
    };
    assert_eq!(history[0].changes, [wanted]);
    assert_eq!(history[1].reason, "busy day");
    let in_force = editor.in_force().await.unwrap();
    assert_eq!((in_force.version, editor.running()), (2, 0));
    assert_eq!(
        (&*in_force.values[0].source, &in_force.values[0].value),
        ("change 2", &"45s".into())
    );
}

#[tokio::test]
async fn author_who_saw_an_older_version_is_refused() {
    let editor = editor();
    let every = |value: &str| patch("poll.every", Some(value.into()));
    editor.change(0, &every("30s"), ada(), "").await.unwrap();

    let refused = editor.change(0, &every("45s"), ada(), "").await;

    assert!(matches!(refused, Err(ChangeError::Outdated { expected: 0, current: 1 })));
}

#[tokio::test]
async fn wrong_value_and_fixed_setting_are_refused_and_nothing_is_kept() {
    let editor = editor();
    let wrong = editor.change(0, &patch("poll.every", Some("soon".into())), ada(), "").await;
    assert!(wrong.unwrap_err().to_string().contains("is not a duration"));
    let fixed = editor.change(0, &patch("name", Some("x".into())), ada(), "").await;
    let fixed = fixed.unwrap_err().to_string();
    assert!(fixed.contains("name: cannot be changed while the process runs"), "{fixed}");
    assert!(fixed.contains("`poll.every`, `poll.page_size`"), "{fixed}");
    for (path, fix) in [("poll.evry", "did you mean `poll.every`?"), ("x", "is not a setting")] {
        let unknown = editor.change(0, &patch(path, Some("x".into())), ada(), "").await;
        let unknown = unknown.unwrap_err().to_string();
        assert!(unknown.contains(fix), "{unknown}");
    }
    let nothing = editor.change(0, &patch("poll.every", None), ada(), "").await;
    assert!(nothing.unwrap_err().to_string().contains("nothing would change"));
    assert!(editor.history().await.unwrap().is_empty());
}

#[tokio::test]
async fn undo_takes_back_one_version_and_only_while_nothing_hides_it() {
    let editor = editor();
    editor.change(0, &patch("poll.every", Some("30s".into())), ada(), "").await.unwrap();
    editor.change(1, &patch("poll.page_size", Some(500.into())), ada(), "").await.unwrap();

    let undone = editor.undo(1, ada(), "").await.unwrap();

    assert_eq!((undone.version, undone.reason.as_str()), (3, "undo version 1"));
    assert_eq!(undone.values, BTreeMap::from([("poll.page_size".to_owned(), 500.into())]));
    editor.change(3, &patch("poll.page_size", Some(900.into())), ada(), "").await.unwrap();
    let hidden = editor.undo(2, ada(), "").await.unwrap_err().to_string();
    assert!(hidden.contains("poll.page_size: was changed again since"), "{hidden}");
    assert!(matches!(
        editor.undo(9, ada(), "").await,
        Err(ChangeError::UnknownVersion { version: 9 })
    ));
    let twice = editor.undo(4, ada(), "too many").await.unwrap();
    assert_eq!(twice.reason, "too many");
    assert_eq!(twice.values["poll.page_size"], 500);
}
