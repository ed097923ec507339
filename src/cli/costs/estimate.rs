//! `moodbridge costs estimate`: what a month in a cloud costs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use shared::cost::estimate::CostModel;

use crate::cli::deploy::{Cloud, DEPLOYMENT_NAME};
use crate::exit::CommandError;
use crate::output::Output;

/// What each function is given, as Terraform reads it.
const FUNCTIONS: &str = include_str!("../../../terraform/functions.json");

/// What to estimate.
#[derive(Debug, Args)]
pub(crate) struct EstimateArgs {
    /// The cloud.
    #[arg(long, value_enum, default_value = "aws")]
    cloud: Cloud,
    /// How many changes come in a month, such as `10k,1M,100M`.
    #[arg(long, value_name = "COUNTS", default_value = "10k,1M,100M", value_delimiter = ',',
          value_parser = count)]
    changes: Vec<u64>,
    /// Counts what this environment took, instead of assuming it.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// What the deployment is called, as Terraform's `name`.
    #[arg(long, value_name = "NAME", default_value = DEPLOYMENT_NAME)]
    deployment_name: String,
    /// Over how many days it is counted.
    #[arg(long, default_value_t = 30, requires = "environment",
          value_parser = clap::value_parser!(u32).range(1..=455))]
    days: u32,
    /// A list of prices and quantities in place of the built-in one.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Described {
    functions: Vec<DescribedFunction>,
}

#[derive(Deserialize)]
struct DescribedFunction {
    name: String,
    memory_mb: u64,
}

/// Reads such as `10k`, `1M`, `2500`.
fn count(raw: &str) -> Result<u64, String> {
    let fault = || format!("`{raw}` is no count: write such as `10k`, `1M` or `2500`");
    let (digits, factor) = match raw.trim() {
        it if it.ends_with(['k', 'K']) => (it.trim_end_matches(['k', 'K']), 1_000),
        it if it.ends_with('M') => (it.trim_end_matches('M'), 1_000_000),
        it => (it, 1),
    };
    let number: u64 = digits.parse().map_err(|_| fault())?;
    // A hundred thousand million changes are no firm's any more.
    number.checked_mul(factor).filter(|it| *it <= 100_000_000_000).ok_or_else(fault)
}

/// Runs the command.
///
/// # Errors
///
/// When the prices cannot be used, or the cloud does not answer.
pub(crate) async fn run(args: EstimateArgs, output: Output) -> Result<(), CommandError> {
    let EstimateArgs { cloud: Cloud::Aws, changes, environment, deployment_name, days, prices } =
        args;
    let mut model = match &prices {
        None => CostModel::aws(),
        Some(path) => {
            let tried = format!("read `{}`", path.display());
            let text = std::fs::read_to_string(path)
                .map_err(|error| CommandError::failed(tried, error))?;
            CostModel::parse(&text)
        }
    }
    .map_err(|error| CommandError::failed("read the prices", error))?;
    let mut memory_mb = described()?;
    if let Some(environment) = environment {
        let prefix = format!("{deployment_name}-{environment}-");
        let usage = wiring::usage_meter(prefix).await.usage(days).await;
        let usage =
            usage.map_err(|error| CommandError::failed("count what functions took", error))?;
        memory_mb.extend(usage.functions.iter().map(|it| (it.function.clone(), it.memory_mb)));
        model = model.with_usage(&usage);
    }
    let estimate = model.estimate(&memory_mb, &changes);
    output.answer(&estimate).map_err(|error| CommandError::failed("print the answer", error))
}

fn described() -> Result<BTreeMap<String, u64>, CommandError> {
    let described: Described = serde_json::from_str(FUNCTIONS)
        .map_err(|error| CommandError::failed("read the list of functions", error))?;
    Ok(described.functions.into_iter().map(|it| (it.name, it.memory_mb)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_people_write_them() {
        for (raw, wanted) in [("10k", 10_000), ("1M", 1_000_000), ("100M", 100_000_000), ("7", 7)] {
            assert_eq!(count(raw), Ok(wanted));
        }
        for raw in ["", "k", "1.5M", "-1", "10G", "100000000M"] {
            assert!(count(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn every_function_has_its_costs_and_the_documents_tables_are_true() {
        let model = CostModel::aws().unwrap();
        let memory_mb = described().unwrap();
        let estimate = model.estimate(&memory_mb, &[10_000, 1_000_000, 100_000_000]);
        for name in memory_mb.keys() {
            assert!(estimate.functions.iter().any(|it| it.function == *name), "{name}");
        }
        let document = include_str!("../../../docs/aws.md");
        let written = estimate.to_string();
        assert!(
            document.contains(&written),
            "docs/aws.md has other tables than `moodbridge costs estimate --cloud aws` prints:\n\
             {written}"
        );
    }
}
