//! The chores of this repository: `cargo xtask tidy | arrows | flow [--check]`.

mod arrows;
mod flow;
mod tidy;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::faults(),
        ["arrows"] => arrows::faults(),
        ["flow", "--check"] => flow::faults(),
        ["flow"] => flow::write().map(|()| Vec::new()),
        _ => Ok(vec!["write `cargo xtask tidy`, `arrows`, `flow` or `flow --check`".to_owned()]),
    };
    report(outcome)
}

#[expect(clippy::print_stderr, reason = "the answer of a chore")]
fn report(outcome: Result<Vec<String>, workspace::ChoreError>) -> ExitCode {
    let faults = outcome.unwrap_or_else(|error| vec![error.to_string()]);
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
