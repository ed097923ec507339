//! Settings of logs and traces, and their start.

use std::collections::HashMap;
use std::error::Error as StdError;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::config::{Env, Fault};
use shared::ports::{LocalSecrets, SecretAddress, Secrets};
use shared::secret::Secret;
use shared::telemetry::LogFormat;
use url::Url;

/// What leaves this process about its own work: the section `telemetry`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The OTLP collector that traces go to, such as `http://127.0.0.1:4318`; without one there are
    /// none. The variable `OTEL_EXPORTER_OTLP_ENDPOINT` says the same.
    pub otlp_endpoint: Option<Url>,
    /// Where the collector's headers lie, written `name=value,name=value`.
    pub otlp_headers: Option<SecretAddress>,
    /// The name that traces are kept under: `moodbridge` at first.
    pub service_name: Option<String>,
    /// Which part of the traces is kept, from 0 to 1: all at first.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_ratio: Option<f64>,
    /// Hosts that are told the trace of the calls they get; none at first, so that no platform is.
    pub propagate_to: Vec<String>,
}

impl TelemetrySettings {
    /// Fills what is not set from the standard variables in `env`; a variable of the environment
    /// goes before the setting of a file.
    ///
    /// Sampler and resource are read by the OpenTelemetry SDK itself.
    /// Source: OpenTelemetry, "OTLP Exporter Configuration".
    #[must_use]
    pub fn with_env(mut self, env: &mut Env) -> Self {
        if env.get("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            return Self::default();
        }
        let names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        for name in names {
            let Some(raw) = env.get(name).filter(|it| !it.is_empty()).map(str::to_owned) else {
                continue;
            };
            match Url::parse(&raw) {
                Ok(url) => {
                    self.otlp_endpoint = Some(url);
                    break;
                }
                Err(error) => env.fault(format!("{name} is malformed: {error}")),
            }
        }
        if let Some(name) = env.get("OTEL_SERVICE_NAME").filter(|it| !it.is_empty()) {
            self.service_name = Some(name.to_owned());
        }
        if env.get("OTEL_TRACES_SAMPLER").is_some() {
            self.sample_ratio = None;
        }
        self
    }

    /// Returns what is wrong although each setting is well formed by itself, with the path below
    /// the section.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.sample_ratio.is_some_and(|it| !(0.0..=1.0).contains(&it)) {
            faults.push(Fault::new("sample_ratio", "must be from 0 to 1, such as `0.1`"));
        }
        if let Some(url) = &self.otlp_endpoint
            && !matches!(url.scheme(), "http" | "https")
        {
            let what = format!(
                "`{}` is not `http` or `https`; the collector's HTTP port is 4318 as a rule",
                url.scheme()
            );
            faults.push(Fault::new("otlp_endpoint", what));
        }
        faults
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn service_name(&self) -> &str {
        self.service_name.as_deref().unwrap_or("moodbridge")
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn propagate_to_hosts(&self) -> Vec<String> {
        self.propagate_to.iter().map(|it| it.to_ascii_lowercase()).collect()
    }
}

/// Where the collector listens.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Returns where traces are posted. Source: OTLP specification, "OTLP/HTTP Request".
    pub(crate) fn traces(&self) -> Url {
        let mut url = self.0.clone();
        if !url.path().ends_with("/v1/traces") {
            let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        url
    }
}

/// Why traces cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The secret with the headers cannot be read.
    #[error("telemetry.otlp_headers: the secret was not read")]
    Headers {
        /// Why.
        source: shared::PortError,
    },
    /// The secret holds something else.
    #[error("telemetry.otlp_headers: the secret is not `name=value,name=value`")]
    MalformedHeaders,
    /// The exporter does not take the settings.
    #[error("telemetry.otlp_endpoint: no exporter can be made for it")]
    Unusable {
        /// Why.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// This build keeps no traces.
    #[error("telemetry.otlp_endpoint: this build keeps no traces; build it with `--features otlp`")]
    LeftOut,
}

/// Starts logging at `level`, and keeps traces when `settings` name a collector.
///
/// # Errors
///
/// [`TelemetryError`] when they do and it cannot be used; then only the log is on.
pub async fn start_telemetry(
    level: &str,
    format: LogFormat,
    settings: &TelemetrySettings,
    env: &Env,
) -> Result<(), TelemetryError> {
    let started = start_traces(level, format, settings, env).await;
    // A second start changes nothing.
    shared::telemetry::start(level, format);
    started
}

async fn start_traces(
    level: &str,
    format: LogFormat,
    settings: &TelemetrySettings,
    env: &Env,
) -> Result<(), TelemetryError> {
    let Some(endpoint) = settings.otlp_endpoint.clone().map(Endpoint) else { return Ok(()) };
    let headers = match &settings.otlp_headers {
        None => None,
        Some(address) => {
            let read = LocalSecrets::new(env.clone()).read(address).await;
            Some(read.map_err(|source| TelemetryError::Headers { source })?)
        }
    };
    #[cfg(feature = "otlp")]
    return crate::otlp::start(level, format, settings, &endpoint, headers.as_ref());
    #[cfg(not(feature = "otlp"))]
    {
        let _ = (level, format, endpoint, headers);
        Err(TelemetryError::LeftOut)
    }
}

/// Reads headers as `OTEL_EXPORTER_OTLP_HEADERS` has them.
///
/// # Errors
///
/// [`TelemetryError::MalformedHeaders`] when a part has no `=`.
#[cfg(feature = "otlp")]
pub(crate) fn headers_of(secret: &Secret) -> Result<HashMap<String, String>, TelemetryError> {
    let parts = secret.expose().split(',').filter(|it| !it.trim().is_empty());
    parts
        .map(|it| {
            let (name, value) = it.split_once('=').ok_or(TelemetryError::MalformedHeaders)?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> TelemetrySettings {
        let mut env = Env::from_pairs(pairs.iter().copied());
        TelemetrySettings::default().with_env(&mut env)
    }

    #[test]
    fn nothing_is_kept_unless_a_collector_is_named() {
        assert!(settings(&[]).otlp_endpoint.is_none());
        let disabled = [("OTEL_SDK_DISABLED", "true"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")];
        assert!(settings(&disabled).otlp_endpoint.is_none());
    }

    #[test]
    fn standard_variables_are_taken() {
        let found = settings(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"),
            ("OTEL_SERVICE_NAME", "firm"),
        ]);
        let endpoint = Endpoint(found.otlp_endpoint.unwrap());
        assert_eq!(endpoint.traces().as_str(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(found.service_name.as_deref(), Some("firm"));
    }

    #[test]
    fn whole_address_of_a_collector_is_left_as_it_is() {
        let url = Url::parse("https://c/dcr/streams/Microsoft-OTLP-Traces/otlp/v1/traces").unwrap();
        assert_eq!(Endpoint(url.clone()).traces(), url);
    }

    #[test]
    fn faults_name_the_setting_and_the_fix() {
        let broken = TelemetrySettings {
            otlp_endpoint: Some(Url::parse("grpc://c:4317").unwrap()),
            sample_ratio: Some(1.5),
            ..TelemetrySettings::default()
        };
        let faults: Vec<_> = broken.faults().iter().map(ToString::to_string).collect();
        let faults = faults.join("\n");
        assert!(faults.contains("sample_ratio") && faults.contains("4318"), "{faults}");
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn headers_are_pairs() {
        let read = headers_of(&Secret::new("api-key=a=b, x=1".to_owned())).unwrap();
        assert_eq!(read["api-key"], "a=b");
        assert_eq!(read["x"], "1");
        assert!(headers_of(&Secret::new("nonsense".to_owned())).is_err());
    }
}
