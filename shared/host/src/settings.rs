//! Settings of every host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::telemetry::LogFormat;

#[cfg(feature = "local")]
use crate::local::HostName;
use crate::telemetry::TelemetrySettings;

/// How this process is run. The platforms set their own variables; the rest are for the local host.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// Which host runs the function.
    pub(crate) platform: Platform,
    /// What is logged: `LOG_LEVEL`, such as `info,sqlx=warn`; else Lambda's own setting.
    pub(crate) log_level: String,
    /// How it is logged: `LOG_FORMAT`, `json` or `text`; else Lambda's own setting.
    pub(crate) log_format: LogFormat,
    /// Where traces go.
    pub(crate) telemetry: TelemetrySettings,
    /// The longest time until a response begins: `REQUEST_TIMEOUT`.
    pub(crate) request_timeout: Duration,
    /// Requests in hand beyond which more are turned away with 503: `MAX_IN_FLIGHT`.
    #[cfg(feature = "local")]
    pub(crate) max_in_flight: usize,
    /// The longest time that work in hand may take after a stop signal: `DRAIN_TIMEOUT`.
    pub(crate) drain_timeout: Duration,
    /// Names besides those of this machine that it answers to on loopback: `ALLOWED_HOSTS`,
    /// separated by commas.
    #[cfg(feature = "local")]
    pub(crate) allowed_hosts: Vec<HostName>,
}

/// The host, chosen by the variables that each platform sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// `AWS_LAMBDA_RUNTIME_API` is set.
    Lambda,
    /// `FUNCTIONS_CUSTOMHANDLER_PORT` is set: listen there.
    Azure(SocketAddr),
    /// Neither: listen on `HOST` and `PORT`.
    Local(SocketAddr),
}

impl HostSettings {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is malformed.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let port = env.or("PORT", 8080_u16);
        let address = env.or("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST));
        let platform = if env.get("AWS_LAMBDA_RUNTIME_API").is_some() {
            Platform::Lambda
        } else if env.get("FUNCTIONS_CUSTOMHANDLER_PORT").is_some() {
            let port = env.required("FUNCTIONS_CUSTOMHANDLER_PORT").unwrap_or(0);
            Platform::Azure(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
        } else {
            Platform::Local(SocketAddr::new(address, port))
        };
        let (log_level, log_format) = (log_level(&env), log_format(&mut env));
        let telemetry = TelemetrySettings::default().with_env(&mut env);
        #[cfg(feature = "local")]
        let allowed_hosts = allowed_hosts(&mut env);
        let settings = Self {
            #[cfg(feature = "local")]
            allowed_hosts,
            platform,
            log_level,
            log_format,
            telemetry,
            request_timeout: env.duration_or("REQUEST_TIMEOUT", Duration::from_secs(30)),
            #[cfg(feature = "local")]
            max_in_flight: env.or("MAX_IN_FLIGHT", crate::shedding::MAX_IN_FLIGHT),
            drain_timeout: env.duration_or("DRAIN_TIMEOUT", Duration::from_secs(25)),
        };
        env.finish(Some(settings))
    }
}

/// Reads `LOG_LEVEL`, else what Lambda was told. Source: AWS Lambda developer guide, "Configuring
/// advanced logging controls": `TRACE` to `FATAL`.
fn log_level(env: &Env) -> String {
    let lambda = || {
        let level = env.get("AWS_LAMBDA_LOG_LEVEL")?.to_ascii_lowercase();
        Some(if level == "fatal" { "error".to_owned() } else { level })
    };
    env.get("LOG_LEVEL").map(str::to_owned).or_else(lambda).unwrap_or_else(|| "info".to_owned())
}

fn log_format(env: &mut Env) -> LogFormat {
    match env.get("LOG_FORMAT") {
        Some("json") => LogFormat::Json,
        Some("text") => LogFormat::Text,
        Some(other) => {
            let fault = format!("LOG_FORMAT is malformed: `{other}` is not `json` or `text`");
            env.fault(fault);
            LogFormat::Json
        }
        None => match env.get("AWS_LAMBDA_LOG_FORMAT") {
            Some(format) if format.eq_ignore_ascii_case("text") => LogFormat::Text,
            _ => LogFormat::Json,
        },
    }
}

#[cfg(feature = "local")]
fn allowed_hosts(env: &mut Env) -> Vec<HostName> {
    let listed = env.get("ALLOWED_HOSTS").unwrap_or_default().to_owned();
    let mut names = Vec::new();
    for raw in listed.split(',').map(str::trim).filter(|raw| !raw.is_empty()) {
        match HostName::parse(raw) {
            Ok(name) => names.push(name),
            Err(error) => env.fault(format!("ALLOWED_HOSTS is malformed: {error}")),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> HostSettings {
        HostSettings::read(Env::from_pairs(pairs.iter().copied())).unwrap()
    }

    #[test]
    fn settings_of_lambda_for_logs_are_honoured() {
        let found = read(&[("AWS_LAMBDA_LOG_LEVEL", "FATAL"), ("AWS_LAMBDA_LOG_FORMAT", "Text")]);
        assert_eq!((found.log_level.as_str(), found.log_format), ("error", LogFormat::Text));
        let found = read(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
        assert_eq!((found.log_level.as_str(), found.log_format), ("debug", LogFormat::Json));
    }

    #[test]
    fn our_own_settings_for_logs_go_first() {
        let found = read(&[
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("LOG_LEVEL", "warn"),
            ("LOG_FORMAT", "text"),
        ]);
        assert_eq!((found.log_level.as_str(), found.log_format), ("warn", LogFormat::Text));
    }
}
