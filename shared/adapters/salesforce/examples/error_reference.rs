//! Writes `docs/salesforce-errors.md` to standard output.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(adapter_salesforce::error_reference().as_bytes())
}
