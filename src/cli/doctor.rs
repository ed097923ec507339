//! `moodbridge doctor`: looks at everything that can be wrong, and names the fix of what is.

mod checks;
mod finding;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;
use finding::{Area, Report};

/// Checks everything that `path` and `data_dir` name; changes nothing.
///
/// # Errors
///
/// When the answer cannot be printed: what is wrong is a finding.
pub(crate) async fn run(
    path: Option<&Path>,
    data_dir: &Path,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let report = examine(path, data_dir).await;
    let code = if report.is_sound() { SUCCESS } else { FOUND_WRONG };
    output.answer(&report).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

async fn examine(path: Option<&Path>, data_dir: &Path) -> Report {
    let mut report = Report::default();
    let folder = data_dir.join(super::PLATFORMS_FOLDER);
    match wiring::load_platforms(&folder) {
        Ok(n_loaded) => report.good(Area::Platforms, "manifests", format!("{n_loaded} loaded")),
        Err(error) => {
            for fault in error.faults() {
                let fix = "correct the manifest, or take it out of the folder";
                report.bad(Area::Platforms, "manifests", fault.clone(), fix);
            }
        }
    }
    let settings = match Settings::load(path, data_dir) {
        Ok(settings) => settings,
        Err(error) => {
            for fault in error.faults() {
                let fix = "correct this setting; `moodbridge config check` reads the file again";
                report.bad(Area::Settings, "settings", fault.clone(), fix);
            }
            return report;
        }
    };
    let source = Settings::source(path, data_dir)
        .map_or_else(|| "defaults".to_owned(), |it| it.display().to_string());
    report.good(Area::Settings, "settings", source);
    checks::data_folder(&settings, &mut report);
    let stores = checks::case_store(&settings, &mut report).await;
    checks::queue(&settings, &mut report).await;
    let surroundings = checks::surroundings(&settings);
    checks::secrets(&settings, &surroundings, &mut report).await;
    checks::connections(&settings, &surroundings, stores.as_ref(), &mut report).await;
    checks::identity(&settings, &mut report).await;
    checks::server(&settings, &mut report).await;
    report
}
