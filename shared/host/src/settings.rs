//! Settings of every host.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use shared::config::{ConfigError, Env};
use shared::telemetry::LogFormat;

#[cfg(feature = "local")]
use crate::local::HostName;

/// How this process is run. The platforms set their own variables; the rest are for the local host.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// Which host runs the function.
    pub(crate) platform: Platform,
    /// What is logged: `LOG_LEVEL`, such as `info,sqlx=warn`.
    pub(crate) log_level: String,
    /// How it is logged: `LOG_FORMAT`, `json` or `text`.
    pub(crate) log_format: LogFormat,
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
        let log_format = match env.get("LOG_FORMAT") {
            None | Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            Some(other) => {
                let fault = format!("LOG_FORMAT is malformed: `{other}` is not `json` or `text`");
                env.fault(fault);
                LogFormat::Json
            }
        };
        #[cfg(feature = "local")]
        let allowed_hosts = allowed_hosts(&mut env);
        let settings = Self {
            #[cfg(feature = "local")]
            allowed_hosts,
            platform,
            log_level: env.or("LOG_LEVEL", "info".to_owned()),
            log_format,
            request_timeout: env.duration_or("REQUEST_TIMEOUT", Duration::from_secs(30)),
            #[cfg(feature = "local")]
            max_in_flight: env.or("MAX_IN_FLIGHT", crate::shedding::MAX_IN_FLIGHT),
            drain_timeout: env.duration_or("DRAIN_TIMEOUT", Duration::from_secs(25)),
        };
        env.finish(Some(settings))
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
