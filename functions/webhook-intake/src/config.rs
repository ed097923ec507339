//! Settings of this function.

use std::num::NonZeroUsize;

use serde_json::Value;
use shared::config::{ConfigError, Env, Reading};
use url::Url;

use crate::intake::Limits;
use crate::settings::IntakeSettings;

/// Settings of this function.
#[derive(Debug)]
pub struct Config {
    /// Where accepted events go: `EVENTS_QUEUE`, such as `sqlite:queue.db?queue=events`.
    pub queue: Url,
    /// How much is taken at once: `MAX_BODY_BYTES` (1 MiB), `MAX_WAITING` (4096),
    /// `MAX_WAITING_BYTES` (64 MiB) and `BODY_TIMEOUT` (10 s).
    pub limits: Limits,
    /// Who may send: JSON in `INTAKE_SETTINGS`, or in the file that `INTAKE_SETTINGS_FILE` names.
    pub settings: IntakeSettings,
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let default = Limits::default();
        let limits = Limits {
            max_body_bytes: at_least_one(&mut env, "MAX_BODY_BYTES", default.max_body_bytes),
            max_waiting: at_least_one(&mut env, "MAX_WAITING", default.max_waiting),
            max_waiting_bytes: at_least_one(
                &mut env,
                "MAX_WAITING_BYTES",
                default.max_waiting_bytes,
            ),
            body_timeout: env.duration_or("BODY_TIMEOUT", default.body_timeout),
        };
        let queue = env.required("EVENTS_QUEUE");
        let settings = intake_settings(&mut env);
        let found = queue.zip(settings);
        env.finish(found.map(|(queue, settings)| Self { queue, limits, settings }))
    }
}

fn at_least_one(env: &mut Env, name: &str, default: usize) -> usize {
    NonZeroUsize::new(default).map_or(default, |default| env.or(name, default).get())
}

fn intake_settings(env: &mut Env) -> Option<IntakeSettings> {
    if env.get("INTAKE_SETTINGS").or(env.get("INTAKE_SETTINGS_FILE")).is_none() {
        env.fault("INTAKE_SETTINGS and INTAKE_SETTINGS_FILE are unset: set one");
        return None;
    }
    let document: Value = env.json("INTAKE_SETTINGS")?;
    let mut reading: Reading<IntakeSettings> = IntakeSettings::form().read(&document);
    let further = reading.settings.as_ref().map(IntakeSettings::faults).unwrap_or_default();
    reading.further(further);
    for fault in &reading.faults {
        env.fault(format!("INTAKE_SETTINGS: {fault}"));
    }
    reading.settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_defaults() {
        let json = r#"{"sources":[{"name":"forms","secrets":["env:FORMS_KEY"]}]}"#;
        let env = Env::from_pairs([
            ("EVENTS_QUEUE", "sqlite:queue.db?queue=events"),
            ("INTAKE_SETTINGS", json),
        ]);
        let config = Config::read(env).unwrap();
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.settings.sources.len(), 1);
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let env = Env::from_pairs([
            ("MAX_BODY_BYTES", "0"),
            ("BODY_TIMEOUT", "soon"),
            ("INTAKE_SETTINGS", r#"{"conections":[]}"#),
        ]);
        let error = Config::read(env).unwrap_err();
        assert_eq!(error.faults().len(), 4, "{error}");
        let meant = "conections: is not a setting; did you mean `connections`?";
        assert!(error.to_string().contains(meant), "{error}");
    }

    #[test]
    fn faults_of_senders_are_reported_with_the_others() {
        let json = r#"{"sources":[{"name":"a","secrets":[]},{"name":"B","secrets":["env:KEY"]}]}"#;
        let env = Env::from_pairs([("EVENTS_QUEUE", "queue"), ("INTAKE_SETTINGS", json)]);
        let faults = Config::read(env).unwrap_err().faults().join("\n");
        assert!(faults.contains("EVENTS_QUEUE is malformed"), "{faults}");
        assert!(faults.contains("INTAKE_SETTINGS: sources[0].secrets: is empty"), "{faults}");
        assert!(faults.contains("INTAKE_SETTINGS: sources[1].name: `B`"), "{faults}");
    }
}
