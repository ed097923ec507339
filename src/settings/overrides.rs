//! Settings in the environment and in the arguments of the command.

use serde_json::Value;
use shared::config::{Env, Fault, Form};

use super::document::Document;
use super::origin::Origin;

/// What every variable with a setting begins with.
const PREFIX: &str = "MOODBRIDGE_";

/// Lays every variable such as `MOODBRIDGE_POLL__EVERY`; returns those that cannot be laid.
pub(crate) fn lay_environment(document: &mut Document, form: &Form, env: &Env) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, raw) in env.starting_with(PREFIX) {
        let Some(path) = path_of(name.trim_start_matches(PREFIX)) else {
            continue;
        };
        let origin = Origin::Environment { name: name.to_owned() };
        let value = typed(form, &path, raw);
        if let Err(fault) = document.lay(&path, value, &origin) {
            faults.push(Fault::new(path, format!("{} ({origin})", fault.what)));
        }
    }
    faults
}

/// Lays every `PATH=VALUE` of `--set`; returns those that cannot be laid.
pub(crate) fn lay_flags(document: &mut Document, form: &Form, flags: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for flag in flags {
        let Some((path, raw)) = flag.split_once('=') else {
            faults.push(Fault::new("--set", "has no `=`: write such as `--set poll.every=30s`"));
            continue;
        };
        let path = path.trim();
        let origin = Origin::Flag { text: format!("--set {path}") };
        if let Err(fault) = document.lay(path, typed(form, path, raw), &origin) {
            faults.push(Fault::new(path, format!("{} ({origin})", fault.what)));
        }
    }
    faults
}

/// Returns the path that a variable names: `CONNECTIONS__0__LOGIN_URL` is
/// `connections[0].login_url`. A name without a double underscore is no setting.
fn path_of(name: &str) -> Option<String> {
    let (section, rest) = name.split_once("__")?;
    let mut path = section.to_lowercase();
    for step in rest.split("__") {
        match step.parse::<usize>() {
            Ok(idx) => path.push_str(&format!("[{idx}]")),
            Err(_) => {
                path.push('.');
                path.push_str(&step.to_lowercase());
            }
        }
    }
    Some(path)
}

/// Reads `raw` as what the form wants at `path`. What does not fit stays text, and the walk along
/// the form says what to write.
pub(crate) fn typed(form: &Form, path: &str, raw: &str) -> Value {
    let text = || Value::String(raw.to_owned());
    let wants = |kind: &str| {
        form.part(path).and_then(|it| it.get("type")).is_some_and(|it| {
            it == kind || it.as_array().is_some_and(|it| it.contains(&kind.into()))
        })
    };
    let json = || serde_json::from_str(raw).unwrap_or_else(|_| text());
    if wants("string") {
        text()
    } else if wants("array") {
        match raw.trim() {
            "" => Value::Array(Vec::new()),
            list if list.starts_with('[') => json(),
            list => list.split(',').map(|it| Value::from(it.trim())).collect(),
        }
    } else if ["integer", "number", "boolean", "object"].into_iter().any(wants) {
        json()
    } else {
        text()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::load::form;

    #[test]
    fn variables_and_flags_are_read_as_what_the_setting_wants() {
        let env = Env::from_pairs([
            ("MOODBRIDGE_POLL__EVERY", "30s"),
            ("MOODBRIDGE_CONFIG", "other.toml"),
            ("MOODBRIDGE_API__CORS_ORIGINS", "https://a.example, https://b.example"),
            ("MOODBRIDGE_CONNECTIONS__0__PAGE_SIZE", "500"),
        ]);
        let (mut document, form) = (Document::default(), form());

        assert!(lay_environment(&mut document, &form, &env).is_empty());
        assert!(lay_flags(&mut document, &form, &["poll.every=5s".into()]).is_empty());

        assert_eq!(
            document.root(),
            &json!({
                "poll": {"every": "5s"},
                "api": {"cors_origins": ["https://a.example", "https://b.example"]},
                "connections": [{"page_size": 500}],
            })
        );
        assert_eq!(document.origin("poll.every").to_string(), "--set poll.every");
        let origin = document.origin("connections[0].page_size");
        assert_eq!(origin.to_string(), "MOODBRIDGE_CONNECTIONS__0__PAGE_SIZE");
    }
}
