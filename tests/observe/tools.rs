//! Programs that nobody here wrote, found on this machine.

use std::path::PathBuf;
use std::process::{Command, Output};

use shared::config::Env;

/// Finds a program: the file that `variable` names, else the one on the path.
///
/// Without one the test is skipped, unless `MOODBRIDGE_REQUIRE` names `peer`.
pub(crate) fn find(peer: &str, program: &str, variable: &str) -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get(variable).map(PathBuf::from);
    let on_path = || {
        let path = env.get("PATH")?;
        std::env::split_paths(path).map(|it| it.join(program)).find(|it| it.is_file())
    };
    let found = named.filter(|it| it.is_file()).or_else(on_path);
    if found.is_none() {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == peer);
        assert!(!is_required, "`{program}` is required: install it with `scripts/setup test`");
        eprintln!("SKIPPED: `{program}` is not installed; `scripts/setup test` installs it");
    }
    found
}

/// Finds `promtool`.
pub(crate) fn promtool() -> Option<PathBuf> {
    find("prometheus", "promtool", "MOODBRIDGE_PROMTOOL")
}

/// Returns the folder of the checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Asserts that a program ended well.
pub(crate) fn assert_success(output: &Output) {
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
}

/// Runs `promtool` with `arguments` in the folder `infra/prometheus`.
pub(crate) fn check(tool: PathBuf, arguments: &[&str]) {
    let folder = root().join("infra/prometheus");
    assert_success(&Command::new(tool).args(arguments).current_dir(folder).output().unwrap());
}
