//! An estimate as tables for people, in Markdown.

use std::fmt;

use super::{Basis, Estimate, FunctionEstimate};
use crate::cost::Money;

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prices, region, currency, .. } = self;
        writeln!(f, "List prices of {prices} in {region}, in {currency}; by changes a month.\n")?;
        self.write_functions(f)?;
        writeln!(f)?;
        self.write_services(f)?;
        writeln!(f)?;
        let fixed = cents(self.fixed);
        write!(f, "Of it {fixed} a month for database, network and firewall, whatever comes in.")
    }
}

impl Estimate {
    fn write_functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "| function | MB | calls a month by themselves | calls per million changes | ",
        )?;
        f.write_str("GB-s per million | price per million |")?;
        self.write_sizes(f)?;
        f.write_str(" |\n|---|---|---|---|---|---|")?;
        self.write_rule(f)?;
        for it in &self.functions {
            let FunctionEstimate { function, memory_mb, per_million, .. } = it;
            let what = it.what.as_ref().map(|it| format!(", {it}")).unwrap_or_default();
            write!(f, "| `{function}`{what} | {memory_mb} | {} ", grouped(it.calls_per_month))?;
            write!(f, "| {} ", grouped(it.calls_per_million))?;
            write!(f, "| {} | {} |", grouped(it.gb_seconds_per_million), cents(*per_million))?;
            write_amounts(f, &it.a_month)?;
            writeln!(f, " {}: {} |", basis(it.basis), it.why)?;
        }
        Ok(())
    }

    fn write_services(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("| service | what |")?;
        self.write_sizes(f)?;
        f.write_str(" |\n|---|---|")?;
        self.write_rule(f)?;
        for it in &self.services {
            write!(f, "| {} | {} |", it.service, it.what)?;
            write_amounts(f, &it.a_month)?;
            writeln!(f, " {}: {} |", basis(it.basis), it.why)?;
        }
        f.write_str("| **total** | |")?;
        write_amounts(f, &self.total)?;
        writeln!(f, " |")
    }

    fn write_sizes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|it| write!(f, " {} |", size(*it)))
    }

    fn write_rule(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes.iter().try_for_each(|_| f.write_str("---|"))?;
        f.write_str("---|\n")
    }
}

fn write_amounts(f: &mut fmt::Formatter<'_>, amounts: &[Money]) -> fmt::Result {
    amounts.iter().try_for_each(|it| write!(f, " {} |", cents(*it)))
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Counted => "counted",
        Basis::Assumed => "assumed",
    }
}

/// Writes an amount with two digits behind the point, rounded.
fn cents(amount: Money) -> String {
    let cents = (amount.as_nanos() + 5_000_000) / 10_000_000;
    let whole = grouped(u64::try_from(cents / 100).unwrap_or(0));
    format!("{whole}.{:02}", cents % 100)
}

/// Writes a number with a comma behind each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes such as `10 k`, `1 M`.
fn size(n_changes: u64) -> String {
    match n_changes {
        n if n >= 1_000_000 && n.is_multiple_of(1_000_000) => {
            format!("{} M", grouped(n / 1_000_000))
        }
        n if n >= 1_000 && n.is_multiple_of(1_000) => format!("{} k", grouped(n / 1_000)),
        n => grouped(n),
    }
}
