//! `moodbridge reports`: builds reports, lists them, and reads their files.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::TryStreamExt as _;
use serde::Serialize;
use shared::config::parse_duration;
use shared::ids::CorrelationId;
use shared::ports::{Report, ReportFilter, ReportFormat, ReportReader};
use shared::reports::{
    Asker, BuildSettings, NotBuilt, ReportBuilder, ReportDesk, ReportDeskError, ReportLink,
    ReportOrder,
};
use tokio::io::AsyncWriteExt as _;

use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Places;

/// What to do with reports.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportsCommand {
    /// Lists what may be built. Exit code 3 when a definition is broken.
    Definitions,
    /// Lists reports, the newest first.
    List(ListArgs),
    /// Builds a report here and now, and tells who is to hear of it. It shows everything that it is of.
    Build(BuildArgs),
    /// Tells how a report stands, or writes one of its files.
    Get(GetArgs),
    /// Gives a link to a file of a report, where its store has links.
    Link(LinkArgs),
}

/// Which reports are listed.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those of this definition.
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

/// What is built.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The definition.
    name: String,
    /// The case, by our id or its id at its source, or the pipeline.
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// The period, such as `2026-11`; the last that is over by default.
    #[arg(long)]
    period: Option<String>,
    /// A form; may be given several times. Those of the definition by default.
    #[arg(long = "format", value_name = "FORMAT", value_parser = format)]
    formats: Vec<ReportFormat>,
    /// Names the order: asking again under it builds no second report.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Which file.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The id of the report.
    id: String,
    /// The form; the first that there is by default.
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<ReportFormat>,
    /// The table, of `csv` and `parquet`; the first by default.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

/// What is shown or written.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Writes the file there, which must not exist.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Which link is given.
#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    file: FileArgs,
    /// How long it is good.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_duration)]
    valid_for: Duration,
}

fn format(raw: &str) -> Result<ReportFormat, String> {
    let found = ReportFormat::ALL.into_iter().find(|it| it.as_str() == raw);
    found.ok_or_else(|| "write `html`, `pdf`, `csv` or `parquet`".to_owned())
}

fn failed(what: impl Into<String>) -> impl FnOnce(ReportDeskError) -> CommandError {
    let what = what.into();
    move |error| CommandError::failed(what, error)
}

fn id(raw: &str) -> Result<CorrelationId, CommandError> {
    CorrelationId::parse(raw.to_owned())
        .map_err(|error| CommandError::failed(format!("find the report `{raw}`"), error))
}

/// Runs `command`.
///
/// # Errors
///
/// When a store cannot be opened or fails, or the order is not taken.
pub(crate) async fn run(
    command: ReportsCommand,
    places: &Places,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let settings = places.in_force().await?.settings;
    let parts = Parts::open(&settings).await?;
    let desk = parts.report_desk(&settings)?;
    let mut code = SUCCESS;
    let printed = match command {
        ReportsCommand::Definitions => {
            let listed = desk.definitions().await;
            let listed = listed.map_err(|error| CommandError::failed("list definitions", error))?;
            if listed.iter().any(|it| it.found.is_err()) {
                code = FOUND_WRONG;
            }
            let items = listed.into_iter().map(DefinitionLine::of).collect();
            output.answer(&Definitions { items })
        }
        ReportsCommand::List(ListArgs { report, limit }) => {
            let filter = ReportFilter { report, ..ReportFilter::of(ReportReader::Machine, limit) };
            let found = desk.reports(&Asker::Machine, filter, None).await;
            output.answer(&Reports { items: found.map_err(failed("list reports"))? })
        }
        ReportsCommand::Build(args) => {
            let what = format!("build `{}`", args.name);
            let ordered = desk.order(args.order()).await.map_err(failed(what.clone()))?;
            let ports = parts.report_ports(&settings).await?;
            let builder = ReportBuilder::new(ports, BuildSettings::default());
            let built = builder.build(&ordered.report.id).await;
            match built {
                // `serve` took it from the queue first: how it stands is told.
                Ok(()) | Err(NotBuilt::InHand { .. } | NotBuilt::Lost { .. }) => {}
                Err(error) => return Err(CommandError::failed(what, error)),
            }
            let report = desk.report(&Asker::Machine, &ordered.report.id).await;
            output.answer(&Shown(report.map_err(failed(what))?))
        }
        ReportsCommand::Get(GetArgs { file, to: Some(to) }) => {
            let n_bytes = write(&desk, &file, &to).await?;
            output.answer(&Wrote { file: to, n_bytes })
        }
        ReportsCommand::Get(GetArgs { file, to: None }) => {
            let report = desk.report(&Asker::Machine, &id(&file.id)?).await;
            output.answer(&Shown(report.map_err(failed("read the report"))?))
        }
        ReportsCommand::Link(LinkArgs { file, valid_for }) => {
            let FileArgs { id: raw, format, table } = file;
            let link =
                desk.link(&Asker::Machine, &id(&raw)?, format, table.as_deref(), valid_for).await;
            output.answer(&Link::of(link.map_err(failed("link the report"))?)?)
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

impl BuildArgs {
    fn order(self) -> ReportOrder {
        let Self { name, subject, period, formats, key } = self;
        ReportOrder {
            report: name,
            subject,
            period,
            formats,
            asker: Asker::Machine,
            idempotency_key: key,
            correlation_id: None,
        }
    }
}

/// Writes a file of a report where nothing is; returns its length.
async fn write(
    desk: &ReportDesk,
    file: &FileArgs,
    to: &std::path::Path,
) -> Result<u64, CommandError> {
    let FileArgs { id: raw, format, table } = file;
    let opened = desk.open(&Asker::Machine, &id(raw)?, *format, table.as_deref()).await;
    let (_, _, mut read) = opened.map_err(failed("read the report"))?;
    let what = || format!("write `{}`", to.display());
    let broken = |error: std::io::Error| CommandError::failed(what(), error);
    let mut written = tokio::fs::File::create_new(to).await.map_err(broken)?;
    let mut n_bytes = 0;
    loop {
        let some = read.bytes.try_next().await;
        let Some(some) = some.map_err(|error| CommandError::failed("read the report", error))?
        else {
            break;
        };
        n_bytes += some.len() as u64;
        written.write_all(&some).await.map_err(broken)?;
    }
    written.sync_all().await.map_err(broken)?;
    Ok(n_bytes)
}

#[derive(Serialize)]
struct DefinitionLine {
    name: String,
    title: Option<String>,
    schedule: Option<String>,
    faults: Vec<String>,
}

impl DefinitionLine {
    fn of(listed: shared::reports::ListedReport) -> Self {
        let name = listed.name;
        match listed.found {
            Ok(it) => Self {
                name,
                title: Some(it.title),
                schedule: it.schedule.map(|it| it.to_string()),
                faults: Vec::new(),
            },
            Err(faults) => {
                let faults = faults.iter().map(ToString::to_string).collect();
                Self { name, title: None, schedule: None, faults }
            }
        }
    }
}

#[derive(Serialize)]
struct Definitions {
    items: Vec<DefinitionLine>,
}

impl fmt::Display for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, it) in self.items.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            let schedule = it.schedule.as_deref().unwrap_or("asked for");
            let schedule = if it.faults.is_empty() { schedule } else { "broken" };
            write!(
                f,
                "{:<24} {schedule:<10} {}",
                it.name,
                it.title.as_deref().unwrap_or_default()
            )?;
            it.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let Report { id, report: name, period, state, requested_at, subject, .. } = report;
    write!(f, "{id}  {requested_at}  {:<8} {name} {period}", state.as_str())?;
    subject.iter().try_for_each(|it| write!(f, " of {it}"))?;
    report.message.iter().try_for_each(|it| write!(f, ": {it}"))
}

#[derive(Serialize)]
struct Reports {
    items: Vec<Report>,
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no reports");
        }
        for (idx, it) in self.items.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            line(f, it)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Report);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, &self.0)?;
        for it in &self.0.files {
            let table = it.table.as_deref().unwrap_or("report");
            write!(f, "\n{:<8} {table:<20} {} bytes", it.format.as_str(), it.n_bytes)?;
        }
        for it in &self.0.deliveries {
            write!(f, "\ntold the {}: {}", it.to.as_str(), it.state.as_str())?;
            it.message.iter().try_for_each(|it| write!(f, ": {it}"))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Wrote {
    file: PathBuf,
    n_bytes: u64,
}

impl fmt::Display for Wrote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wrote {} bytes to {}", self.n_bytes, self.file.display())
    }
}

#[derive(Serialize)]
struct Link {
    url: String,
    expires_at: String,
}

impl Link {
    /// Whoever has the link can read the file: it is the answer, and stands in no log.
    fn of(link: ReportLink) -> Result<Self, CommandError> {
        match link.link {
            Some((link, expires_at)) => {
                Ok(Self { url: link.url.into(), expires_at: expires_at.to_string() })
            }
            None => {
                let text =
                    "its store has no links: read it with `moodbridge reports get ID --to FILE`";
                Err(CommandError::failed("link the report", std::io::Error::other(text)))
            }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\ngood until {}", self.url, self.expires_at)
    }
}
