//! `moodbridge docs`: documents of cases, sent and fetched in parts that survive a stop.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::auth::Sight;
use shared::config::Env;
use shared::error::{PortError, PortErrorKind};
use shared::ids::{CorrelationId, EntityId};
use shared::model::{Channel, Entity};
use shared::ports::{
    BlobStore, Clock as _, Document, DocumentAct, DocumentDraft, DocumentName, FiledDocument,
    MediaType, Random as _, SystemClock, SystemRandom, document_id, document_key,
};
use shared::transfer::{self, ScannedFile};
use wiring::CaseStores;

use super::records::{By, find};
use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::progress::Transferred;
use crate::settings::Settings;

/// What to do with documents.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// Files a document for a case. The same command again goes on where it stopped.
    Put(PutArgs),
    /// Fetches a document into a file. The same command again goes on where it stopped.
    Get(GetArgs),
}

/// Which file, for which case.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The file.
    file: PathBuf,
    /// The case: its id, or that of its record at a connection.
    #[arg(long, value_name = "ID")]
    case: String,
    /// What the document is called; without, as the file.
    #[arg(long)]
    name: Option<DocumentName>,
    /// The exhibit's label, such as `A-1`.
    #[arg(long)]
    label: Option<String>,
    /// What the bytes are, such as `application/pdf`; without, as the name says.
    #[arg(long, value_name = "TYPE")]
    media_type: Option<MediaType>,
    #[command(flatten)]
    by: By,
}

/// Which document, and where to.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The document's id.
    id: EntityId,
    /// The file or the folder that takes it; without, a file with its name in this folder.
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    by: By,
}

/// A document that was filed.
#[derive(Serialize)]
struct Put {
    #[serde(flatten)]
    document: FiledDocument,
    is_new: bool,
    n_sent: u64,
}

impl fmt::Display for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (document, case) = (&self.document.document, &self.document.case_id);
        let made = if self.is_new { "filed" } else { "was filed already" };
        write!(f, "document {}: `{}` {made} for case {case}", document.id, document.name)?;
        write!(
            f,
            "\n  {} bytes, {} of them sent now",
            document.size_bytes.unwrap_or(0),
            self.n_sent
        )?;
        write!(f, "\n  SHA-256 {}", document.sha256.as_deref().unwrap_or("unknown"))
    }
}

/// A document that was fetched.
#[derive(Serialize)]
struct Got {
    id: EntityId,
    file: PathBuf,
    n_bytes: u64,
    n_fetched: u64,
    is_proven: bool,
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, file, n_bytes, n_fetched, is_proven } = self;
        write!(
            f,
            "document {id}: {n_bytes} bytes in `{}`, {n_fetched} fetched now",
            file.display()
        )?;
        f.write_str(if *is_proven {
            "\n  its digest is proven"
        } else {
            "\n  no digest of it is known"
        })
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When a store cannot be opened or fails, the case or the document is unknown, or the file cannot be
/// used.
pub(crate) async fn run(
    command: DocsCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let stores = settings.open_stores().await?;
    let blobs = settings.open_documents()?;
    let printed = match command {
        DocsCommand::Put(args) => output.answer(&put(args, settings, &stores, &blobs).await?),
        DocsCommand::Get(args) => output.answer(&get(args, &stores, &blobs).await?),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn put(
    args: PutArgs,
    settings: &Settings,
    stores: &CaseStores,
    blobs: &Arc<dyn BlobStore>,
) -> Result<Put, CommandError> {
    let tried = || format!("file `{}`", args.file.display());
    let failed = |error: String| CommandError::failed(tried(), error);
    // Before anything is sent: bytes of no case would lie there for good.
    let case = match find(Entity::Case, &args.case, settings, stores).await? {
        Some(id) => stores.view.case(&Sight::Everything, id.as_str()).await,
        None => Ok(None),
    };
    let case = case.map_err(|error| CommandError::failed(tried(), error))?;
    let case = case.ok_or_else(|| failed(format!("no case `{}` is here", args.case)))?;
    let case_id = case.summary.id;
    let named = || args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => DocumentName::parse(named())
            .map_err(|error| failed(format!("{error}: give it another one with `--name`")))?,
    };
    let media_type = args.media_type.clone().unwrap_or_else(|| {
        let guessed = mime_guess::from_path(name.as_str()).first_or_octet_stream();
        MediaType::parse(guessed.essence_str()).unwrap_or_default()
    });
    let file = ScannedFile::scan(&args.file)
        .await
        .map_err(|error| CommandError::failed(tried(), error))?;
    let id = document_id(&case_id, file.sha256());
    let notes = settings.data_dir.join("transfers").join(format!("{id}.jsonl"));
    let progress = Transferred::start("sent");
    let key = document_key(&id);
    let sent = transfer::upload(blobs.as_ref(), &file, &key, &media_type, &notes, &progress).await;
    progress.finish();
    let sent = sent.map_err(|error| CommandError::failed(tried(), error))?;
    let draft = DocumentDraft {
        id,
        case_id,
        name,
        media_type,
        size_bytes: file.n_bytes(),
        sha256: *file.sha256(),
        exhibit_label: args.label,
        category: None,
        description: None,
    };
    let filed = stores.documents.file(&draft, &act(&args.by)).await;
    let filed = match filed {
        Ok(filed) => filed,
        Err(error) => return Err(not_filed(stores, &draft, error).await),
    };
    Ok(Put { document: filed.document, is_new: filed.committed.is_some(), n_sent: sent.n_sent })
}

/// Says why a document was not filed; of bytes that the case has under other words, which these are.
async fn not_filed(stores: &CaseStores, draft: &DocumentDraft, error: PortError) -> CommandError {
    let tried = format!("file `{}`", draft.name);
    if error.kind() != PortErrorKind::Conflict {
        return CommandError::failed(tried, error);
    }
    let Ok(Some(filed)) = stores.documents.find(&Sight::Everything, &draft.id).await else {
        return CommandError::failed(tried, error);
    };
    let Document { id, name, media_type, exhibit_label, .. } = filed.document;
    let mut words = format!("--name `{name}`");
    for (flag, word) in [("--media-type", media_type), ("--label", exhibit_label)] {
        let word = word.map_or_else(|| format!("no {flag}"), |word| format!("{flag} `{word}`"));
        words = format!("{words}, {word}");
    }
    let told = format!("the case has these bytes as document {id} already: file them with {words}");
    CommandError::failed(tried, told)
}

async fn get(
    args: GetArgs,
    stores: &CaseStores,
    blobs: &Arc<dyn BlobStore>,
) -> Result<Got, CommandError> {
    let tried = || format!("fetch the document {}", args.id);
    // Who runs the command has the store's own password: no wall stands before it, but it is noted.
    let found = stores.documents.find(&Sight::Everything, &args.id).await;
    let found = found.map_err(|error| CommandError::failed(tried(), error))?;
    let found = found
        .ok_or_else(|| CommandError::failed(tried(), "no such document is here".to_owned()))?;
    let to = target(args.to.as_deref(), &found.document.name);
    let noted = stores.documents.note_read(&args.id, &act(&args.by)).await;
    noted.map_err(|error| CommandError::failed(tried(), error))?;
    let progress = Transferred::start("fetched");
    let got = transfer::download(blobs.as_ref(), &document_key(&args.id), &to, &progress).await;
    progress.finish();
    let got = got.map_err(|error| CommandError::failed(tried(), error))?;
    Ok(Got {
        id: args.id,
        file: to,
        n_bytes: got.blob.n_bytes,
        n_fetched: got.n_fetched,
        is_proven: got.is_proven,
    })
}

/// Where a document goes that is called `name`.
fn target(to: Option<&Path>, name: &str) -> PathBuf {
    // A name that was imported may be anything: it never leads out of the folder.
    let name = Path::new(name).file_name().map_or_else(|| PathBuf::from("document"), PathBuf::from);
    match to {
        None => name,
        Some(to) if to.is_dir() => to.join(name),
        Some(to) => to.to_owned(),
    }
}

fn act(by: &By) -> DocumentAct {
    let bits = SystemRandom.bits();
    DocumentAct {
        actor: format!("person:{}", by.person(&Env::of_process())),
        channel: Channel::Api,
        event_id: format!("cli:{bits:032x}"),
        correlation_id: CorrelationId::from_random(bits),
        at: SystemClock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_never_leaves_the_folder_it_is_put_into() {
        assert_eq!(target(None, "../../etc/passwd"), Path::new("passwd"));
        assert_eq!(target(None, ".."), Path::new("document"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(target(Some(folder.path()), "a.pdf"), folder.path().join("a.pdf"));
        assert_eq!(target(Some(Path::new("b.pdf")), "a.pdf"), Path::new("b.pdf"));
    }
}
