//! The `moodbridge` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    moodbridge::run()
}
