//! The chores of this repository: `cargo xtask tidy | arrows | flow [--check] | package`.

mod arrows;
mod flow;
mod package;
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
        ["package", rest @ ..] => match package::Order::read(rest) {
            Ok(order) => package::write(&order),
            Err(fault) => Ok(vec![fault]),
        },
        _ => {
            let words =
                "`cargo xtask tidy`, `arrows`, `flow`, `flow --check` or `package --cloud aws`";
            Ok(vec![format!("write {words}")])
        }
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
