//! `moodbridge doctor`: looks at everything that can be wrong, and names the fix of what is.

mod checks;
mod finding;
mod network;
mod secrets;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use url::Url;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::settings::Places;
use finding::{Area, Report};

/// What is checked beside what the settings name.
#[derive(clap::Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Checks how this bucket is kept too, such as `s3://moodbridge-documents`; may be given again.
    #[arg(long = "bucket", value_name = "ADDRESS")]
    buckets: Vec<Url>,
}

/// Checks everything that `places` and `args` name. It changes nothing but a refresh token that a platform
/// replaces.
///
/// # Errors
///
/// When the answer cannot be printed: what is wrong is a finding.
pub(crate) async fn run(
    places: &Places,
    args: &DoctorArgs,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let mut report = examine(places).await;
    for bucket in &args.buckets {
        network::bucket(bucket, &mut report).await;
    }
    let code = if report.is_sound() { SUCCESS } else { FOUND_WRONG };
    output.answer(&report).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

async fn examine(places: &Places) -> Report {
    let mut report = Report::default();
    match places.load_platforms() {
        Ok(n_loaded) => report.good(Area::Platforms, "manifests", format!("{n_loaded} loaded")),
        Err(error) => {
            for fault in error.faults() {
                let fix = "correct the manifest, or take it out of the folder";
                report.bad(Area::Platforms, "manifests", fault.clone(), fix);
            }
        }
    }
    let settings = match places.load() {
        Ok(loaded) => loaded.settings,
        Err(error) => {
            for fault in error.faults() {
                let fix = "correct this setting; `moodbridge config check` reads all of them again";
                report.bad(Area::Settings, "settings", fault.clone(), fix);
            }
            return report;
        }
    };
    let source =
        places.source().map_or_else(|| "defaults".to_owned(), |it| it.display().to_string());
    report.good(Area::Settings, "settings", source);
    checks::data_folder(&settings, &mut report);
    let stores = checks::case_store(&settings, &mut report).await;
    checks::queue(&settings, &mut report).await;
    let lacking = secrets::examine(&settings, &mut report).await;
    network::connections(&settings, &lacking, stores.as_ref(), &mut report).await;
    network::nifi(&settings, stores.as_ref(), &mut report).await;
    network::identity(&settings, &mut report).await;
    network::telemetry(&settings, &mut report).await;
    network::server(&settings, &mut report).await;
    report
}
