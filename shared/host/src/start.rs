//! The whole `main` of a function.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::Arc;

use shared::chain;
use shared::config::{ConfigError, Env};
use shared::ports::SystemRandom;
use shared::telemetry::{self, LogFormat};
use tracing::error;

use crate::app::App;
use crate::error::HostError;
use crate::settings::{HostSettings, Platform};
use crate::telemetry::start_telemetry;

/// The exit code for settings that cannot be used. Source: `sysexits.h`, `EX_CONFIG`.
pub const EXIT_BAD_SETTINGS: u8 = 78;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Runs a function: starts logging, asks `build` for the app, and serves it until it is told to
/// stop, on the host that the environment names.
///
/// It answers [`EXIT_BAD_SETTINGS`] when `build` fails by a [`ConfigError`], each fault logged on
/// its own line, and 1 when anything else fails.
pub async fn start<F, Fut>(build: F) -> ExitCode
where
    F: FnOnce(Env) -> Fut,
    Fut: Future<Output = Result<App, BoxError>>,
{
    let settings = match HostSettings::read(Env::of_process()) {
        Ok(settings) => settings,
        Err(error) => {
            telemetry::start("info", LogFormat::Json);
            return report(&error);
        }
    };
    let (level, format) = (&settings.log_level, settings.log_format);
    let started = start_telemetry(level, format, &settings.telemetry, &Env::of_process()).await;
    if let Err(error) = started {
        report(&error);
        return ExitCode::from(EXIT_BAD_SETTINGS);
    }
    match run(settings, build).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(error.as_ref()),
    }
}

async fn run<F, Fut>(settings: HostSettings, build: F) -> Result<(), BoxError>
where
    F: FnOnce(Env) -> Fut,
    Fut: Future<Output = Result<App, BoxError>>,
{
    match settings.platform {
        #[cfg(feature = "local")]
        Platform::Local(address) => {
            let stopped = crate::signal::shutdown_signal();
            let host = crate::local::LocalHost::new()
                .with_request_timeout(settings.request_timeout)
                .with_max_in_flight(settings.max_in_flight)
                .with_drain_timeout(settings.drain_timeout)
                .with_allowed_hosts(settings.allowed_hosts);
            let app = build(Env::of_process()).await?;
            let host = host.app(app).bind(address).await?;
            Ok(host.run(stopped).await?)
        }
        #[cfg(feature = "lambda")]
        Platform::Lambda => {
            // Before the app is built: a counter looked up earlier would count nowhere.
            let _ = crate::metrics::page();
            let app = build(Env::of_process()).await?;
            let random = Arc::new(SystemRandom);
            crate::lambda::run(app, settings.request_timeout, random)
                .await
                .map_err(|source| HostError::Runtime { platform: "Lambda", source }.into())
        }
        #[cfg(feature = "azure")]
        Platform::Azure(address) => {
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .map_err(|source| HostError::Bind { address, source })?;
            let app = build(Env::of_process());
            let random = Arc::new(SystemRandom);
            crate::azure::run(listener, settings.request_timeout, random, app).await
        }
        #[cfg(not(all(feature = "azure", feature = "lambda", feature = "local")))]
        other => Err(Box::new(HostError::LeftOut { platform: format!("{other:?}") })),
    }
}

/// Logs why the process ends, and picks its exit code.
fn report(error: &(dyn StdError + 'static)) -> ExitCode {
    let mut next = Some(error);
    while let Some(link) = next {
        if let Some(config) = link.downcast_ref::<ConfigError>() {
            for fault in config.faults() {
                error!("setting cannot be used: {fault}");
            }
            return ExitCode::from(EXIT_BAD_SETTINGS);
        }
        next = link.source();
    }
    error!(error = %chain(error), "function cannot run");
    ExitCode::FAILURE
}
