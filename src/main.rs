//! The `moodbridge` command.

mod umask;

use std::process::ExitCode;

fn main() -> ExitCode {
    umask::keep_others_out();
    moodbridge::run()
}
