//! `moodbridge nifi send`: files and changes as flow files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use shared::config::{ConfigError, parse_duration};
use shared::dispatch::{ChangeDispatch, DispatchPorts, DispatchTally};
use shared::ports::flow_files::{
    FlowContent, FlowFile, FlowFileSink, FlowFileSource, FlowFiles, Receipt,
};
use shared::ports::{Clock as _, SystemClock};
use shared::{PortError, PortErrorKind};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use url::Url;

use super::failed;
use super::report::Sent;
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// What is sent.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Files: each is one flow file, and all are taken or none.
    #[arg(required_unless_present = "changes", conflicts_with = "changes")]
    files: Vec<PathBuf>,
    /// An attribute of each file, such as `case.id=42`; may be given again.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute, conflicts_with = "changes")]
    attribute: Vec<(String, String)>,
    /// Every change that was not sent yet, in order. It may be stopped at any point, and run again.
    #[arg(long)]
    changes: bool,
    /// Begins with this change instead.
    #[arg(long, value_name = "SEQ", requires = "changes")]
    from: Option<u64>,
    /// Begins nothing more after so long, such as `10m`; the next run goes on.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "changes")]
    at_most: Option<Duration>,
}

fn time(raw: &str) -> Result<Duration, String> {
    parse_duration(raw).map_err(|error| error.to_string())
}

fn attribute(raw: &str) -> Result<(String, String), String> {
    match raw.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `NAME=VALUE`, such as `case.id=42`".to_owned()),
    }
}

#[derive(Serialize)]
struct SentFiles {
    n_files: u64,
    n_bytes: u64,
    is_full: bool,
}

impl fmt::Display for SentFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} flow files with {} bytes were taken", self.n_files, self.n_bytes)?;
        match self.is_full {
            true => f.write_str("; the flow has as much as it can work on now"),
            false => Ok(()),
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct SentChanges(DispatchTally);

impl fmt::Display for SentChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DispatchTally { n_changes, n_batches, position, n_behind } = self.0;
        write!(f, "{n_changes} changes in {n_batches} batches, up to {position}; {n_behind} wait")
    }
}

/// Sends what `args` name.
pub(super) async fn run(
    args: SendArgs,
    parts: &Parts,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let printed = match args.changes {
        true => {
            let until = args.at_most.map(|it| SystemClock.now().plus(it));
            let tally = dispatch(parts, settings)?.run(args.from, until).await;
            let tally = tally.map_err(|error| CommandError::failed("send changes", error))?;
            output.answer(&SentChanges(tally))
        }
        false => {
            let sink = sink(parts, settings)?;
            let correlation = parts.random.correlation_id();
            let source = Arc::new(Files { paths: args.files, attributes: args.attribute });
            let receipt =
                sink.send(source, &correlation).await.map_err(failed("send the files"))?;
            let Receipt { n_files, n_bytes, pause } = receipt;
            output.answer(&SentFiles { n_files, n_bytes, is_full: pause.is_some() })
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

/// Tells how far changes were sent.
pub(super) async fn progress(parts: &Parts, settings: &Settings) -> Result<Sent, CommandError> {
    let position = dispatch(parts, settings)?.position().await;
    let position = position.map_err(|error| CommandError::failed("read the position", error))?;
    let newest = parts.stores.feed.newest_change().await;
    let newest = newest.map_err(failed("read the newest change"))?;
    Ok(Sent { position, n_behind: newest.saturating_sub(position) })
}

fn dispatch(parts: &Parts, settings: &Settings) -> Result<ChangeDispatch, CommandError> {
    let ports = DispatchPorts {
        feed: parts.stores.feed.clone(),
        sink: sink(parts, settings)?,
        ledger: parts.stores.ledger.clone(),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
    };
    Ok(ChangeDispatch::new(ports, &target(place(settings)?)))
}

fn sink(parts: &Parts, settings: &Settings) -> Result<Arc<dyn FlowFileSink>, CommandError> {
    wiring::flow_files(place(settings)?, &parts.surroundings(settings)?)
        .map_err(|error| CommandError::failed("open what takes flow files", error))
}

/// Returns where flow files go.
pub(super) fn place(settings: &Settings) -> Result<&Url, CommandError> {
    let nifi = &settings.nifi;
    let unset = || {
        ConfigError::new(vec![
            "nifi.send_to: is not set: write such as \
             `nifi-listen://nifi.firm.example:9443/contentListener`, or add `port=NAME` to \
             `nifi.address` (docs/nifi.md)"
                .to_owned(),
        ])
    };
    if let Some(place) = &nifi.send_to {
        return Ok(place);
    }
    let site = nifi.address.as_ref().filter(|it| wiring::check_flow_files(it).is_ok());
    site.ok_or_else(|| unset().into())
}

/// Names a place by what it is and not by who signs in there.
fn target(place: &Url) -> String {
    let port = place.query_pairs().find(|(name, _)| name == "port");
    let mut bare = place.clone();
    bare.set_query(None);
    match port {
        Some((_, port)) => format!("{bare}#{port}"),
        None => bare.to_string(),
    }
}

/// Files of this machine, read while they are sent.
struct Files {
    paths: Vec<PathBuf>,
    attributes: Vec<(String, String)>,
}

impl FlowFileSource for Files {
    fn open(&self) -> FlowFiles {
        let attributes = self.attributes.clone();
        let files = stream::iter(self.paths.clone()).then(move |path| {
            let attributes = attributes.clone();
            async move { open(&path, attributes).await }
        });
        files.boxed()
    }
}

async fn open(path: &Path, attributes: Vec<(String, String)>) -> Result<FlowFile, PortError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| {
        let subject = path.display().to_string();
        PortError::new(PortErrorKind::Rejected, "local", "read", subject).with_source(source)
    };
    let file = File::open(path).await.map_err(|error| unreadable(error.into()))?;
    let about = file.metadata().await.map_err(|error| unreadable(error.into()))?;
    if !about.is_file() {
        return Err(unreadable("it is no file".into()));
    }
    let subject = path.display().to_string();
    let chunks = stream::try_unfold((file, subject), |(mut file, subject)| async move {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await;
        match read {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((chunk.into(), (file, subject)))),
            Err(error) => Err(PortError::new(PortErrorKind::Rejected, "local", "read", subject)
                .with_source(error)),
        }
    });
    let mut flow_file = FlowFile::new(FlowContent::streamed(about.len(), chunks.boxed()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kind = mime_guess::from_path(path).first_or_octet_stream().to_string();
    let own = [("filename".to_owned(), name), ("mime.type".to_owned(), kind)];
    for (name, value) in own.into_iter().chain(attributes) {
        flow_file = flow_file.with(name, value).map_err(|error| unreadable(error.into()))?;
    }
    Ok(flow_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_the_same_whoever_signs_in() {
        let name = |raw: &str| target(&Url::parse(raw).unwrap());
        let first = name("nifi://h:8443/?username=a&password=env:P&port=changes");
        assert_eq!(first, name("nifi://h:8443/?port=changes&token=env:T"));
        assert_ne!(first, name("nifi://h:8443/?port=other&token=env:T"));
        assert_ne!(first, name("nifi-listen://h:8443/"));
    }

    #[test]
    fn attribute_is_a_name_and_a_value() {
        assert_eq!(attribute("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(attribute("a").is_err() && attribute("=b").is_err());
    }
}
