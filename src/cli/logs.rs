//! `moodbridge logs`: what the functions of a cloud have logged, searched where it is kept.

mod answers;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use shared::config::parse_duration;
use shared::ids::CorrelationId;
use shared::logs::search;
use shared::ports::{Clock as _, LineFilter, LogLevel, LogQuestion, LogText, LogWish, SystemClock};
use shared::time::Timestamp;

use super::deploy::{Cloud, DEPLOYMENT_NAME};
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use answers::Searched;

/// How many lines are shown when nobody says.
const N_LINES: u32 = 100;

/// Whose logs, of when, and which lines.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The functions, such as `sync-worker`; without, all.
    functions: Vec<String>,
    /// The cloud.
    #[arg(long, value_enum, default_value = "aws")]
    cloud: Cloud,
    /// The environment, as Terraform's `environment`, such as `prod`.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// What the deployment is called, as Terraform's `name`.
    #[arg(long, value_name = "NAME", default_value = DEPLOYMENT_NAME)]
    deployment_name: String,
    /// The beginning: how long ago, such as `30m`, or an instant.
    #[arg(long, value_name = "WHEN", default_value = "1h", value_parser = Moment::parse)]
    since: Moment,
    /// The end: how long ago, or an instant; without, now.
    #[arg(long, value_name = "WHEN", value_parser = Moment::parse)]
    until: Option<Moment>,
    /// The least grave level: `trace`, `debug`, `info`, `warn` or `error`. A line that tells none, such
    /// as the last words of a crash, is always shown.
    #[arg(long, value_parser = LogLevel::parse)]
    level: Option<LogLevel>,
    /// Only the lines of one piece of work.
    #[arg(long, value_name = "ID", value_parser = correlation_id)]
    correlation: Option<CorrelationId>,
    /// Only lines that hold this text, in capital letters or small ones.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    contains: Option<LogText>,
    /// A query in the language of `CloudWatch` Logs Insights instead.
    #[arg(long, conflicts_with_all = ["level", "correlation", "contains"])]
    query: Option<String>,
    /// How many lines are shown at most, the newest; 100 when neither this nor a query says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: Option<u32>,
    /// How long the answer is waited for.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    wait: Duration,
}

/// An instant, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Ago(Duration),
    At(Timestamp),
}

impl Moment {
    fn parse(raw: &str) -> Result<Self, String> {
        if let Ok(ago) = parse_duration(raw) {
            return Ok(Self::Ago(ago));
        }
        Timestamp::parse(raw).map(Self::At).map_err(|_| {
            format!(
                "`{raw}` is no time: write how long ago, such as `30m`, `2h` or `7d`, or an instant \
                 such as `2026-01-31T09:30:00Z`"
            )
        })
    }

    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.minus(ago),
            Self::At(at) => at,
        }
    }
}

fn correlation_id(raw: &str) -> Result<CorrelationId, String> {
    CorrelationId::parse(raw).map_err(|error| error.to_string())
}

fn text(raw: &str) -> Result<LogText, String> {
    LogText::parse(raw).map_err(|error| error.to_string())
}

fn time(raw: &str) -> Result<Duration, String> {
    parse_duration(raw).map_err(|error| error.to_string())
}

/// Runs the command.
///
/// # Errors
///
/// When the time ends before it begins, the cloud does not answer, or nothing is kept of a function.
pub(crate) async fn run(args: LogsArgs, output: Output) -> Result<ExitCode, CommandError> {
    let interrupted = host::shutdown_signal();
    let Cloud::Aws = args.cloud;
    let question = args
        .question(SystemClock.now())
        .map_err(|fault| CommandError::failed("search the logs", fault))?;
    let logs = wiring::log_search(args.deployment_name, args.environment).await;
    let answer = search(&*logs, &question, args.wait, interrupted)
        .await
        .map_err(|error| CommandError::failed("search the logs", error))?;
    let searched = Searched { from: question.from, until: question.until, answer };
    output.answer(&searched).map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

impl LogsArgs {
    fn question(&self, now: Timestamp) -> Result<LogQuestion, String> {
        let from = self.since.before(now);
        let until = self.until.map_or(now, |it| it.before(now));
        if until < from {
            return Err(format!(
                "`--until` is {until}, before `--since`, {from}: exchange them, or leave `--until` out"
            ));
        }
        // Alarms and log groups name functions in full.
        let prefix = format!("{}-{}-", self.deployment_name, self.environment);
        let functions = self.functions.iter();
        let functions = functions.map(|it| it.strip_prefix(&prefix).unwrap_or(it).to_owned());
        let (wish, limit) = match &self.query {
            Some(query) => (LogWish::Query(query.clone()), self.limit),
            None => {
                let filter = LineFilter {
                    least_level: self.level,
                    correlation_id: self.correlation.clone(),
                    contains: self.contains.clone(),
                };
                (LogWish::Lines(filter), Some(self.limit.unwrap_or(N_LINES)))
            }
        };
        Ok(LogQuestion { functions: functions.collect(), from, until, limit, wish })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LogsArgs,
    }

    fn question(arguments: &[&str]) -> Result<LogQuestion, String> {
        let now = Timestamp::parse("2026-01-31T09:30:00Z").unwrap();
        let line = [&["logs", "--environment", "prod"], arguments].concat();
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        line.args.question(now)
    }

    #[test]
    fn last_hour_of_all_functions_is_what_is_searched_without_a_word() {
        let question = question(&[]).unwrap();
        assert_eq!(question.functions, Vec::<String>::new());
        assert_eq!(question.from.to_string(), "2026-01-31T08:30:00.000Z");
        assert_eq!(question.until.to_string(), "2026-01-31T09:30:00.000Z");
        assert_eq!(question.limit, Some(100));
        assert_eq!(question.wish, LogWish::Lines(LineFilter::default()));
    }

    #[test]
    fn function_may_be_named_in_full_and_times_either_way() {
        let since = ["--since", "2026-01-31T01:00:00+01:00", "--until", "15m"];
        let names = ["moodbridge-prod-sync-worker", "webhook-intake"];
        let question = question(&[&names[..], &since].concat()).unwrap();
        assert_eq!(question.functions, ["sync-worker", "webhook-intake"]);
        assert_eq!(question.from.to_string(), "2026-01-31T00:00:00.000Z");
        assert_eq!(question.until.to_string(), "2026-01-31T09:15:00.000Z");
    }

    #[test]
    fn query_keeps_its_own_limit_and_takes_no_filter() {
        let query = ["--query", "stats count(*) by level"];
        assert_eq!(question(&query).unwrap().limit, None);
        let both = question(&[&query[..], &["--level", "warn"]].concat()).unwrap_err();
        assert!(both.contains("cannot be used with"), "{both}");
    }

    #[test]
    fn fault_names_its_argument_and_the_fix() {
        for (arguments, wanted) in [
            (["--since", "yesterday"], "such as `30m`"),
            (["--until", "2h"], "exchange them"),
            (["--level", "fatal"], "`warn`"),
            (["--correlation", "a b"], "letters, digits"),
            (["--contains", "a\nb"], "control characters"),
            (["--limit", "0"], "1..=10000"),
            (["--limit", "10001"], "1..=10000"),
        ] {
            let fault = question(&arguments).unwrap_err();
            assert!(fault.contains(wanted) && fault.contains(arguments[0]), "{fault}");
        }
    }
}
