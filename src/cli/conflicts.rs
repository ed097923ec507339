//! `moodbridge conflicts`: what both sides changed, and deciding it.

use std::fmt;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde::Serialize;
use shared::auth::Sight;
use shared::ids::{ConnectionId, ObjectName, PersonId};
use shared::model::FieldValue;
use shared::ports::{Conflict, ConflictFilter, Conflicts};
use shared::sync::{Author, Desk, DeskError, EditError, Verdict};

use crate::cli::desk::desk_of;
use crate::exit::{CommandError, FOUND_WRONG, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::settings::Settings;

/// How many conflicts are looked at in one go when all are decided.
const PAGE: u32 = 200;

/// What to do with conflicts.
#[derive(Debug, Subcommand)]
pub(crate) enum ConflictsCommand {
    /// Lists open conflicts, the newest first.
    List {
        /// Lists those that ended instead.
        #[arg(long)]
        resolved: bool,
        #[command(flatten)]
        of: Of,
        /// How many to list.
        #[arg(long, default_value = "50")]
        limit: u32,
        /// Begins before this number: the last one of the page before.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Shows one conflict with both values.
    Show {
        /// Its number.
        number: u64,
    },
    /// Decides one conflict, or all. Exit code 3 when one could not be decided so.
    Resolve(ResolveArgs),
}

/// Narrows what is listed or decided.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Of {
    /// Only of this connection.
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionId>,
    /// Only of this object.
    #[arg(long, value_name = "OBJECT")]
    object: Option<ObjectName>,
}

/// Which conflict is decided, and for what.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["number", "all"])))]
#[command(group(ArgGroup::new("what").required(true).args(["take", "value"])))]
pub(crate) struct ResolveArgs {
    /// The number of the conflict.
    number: Option<u64>,
    /// Decides every open conflict, or every one of `--connection` and `--object`.
    #[arg(long, conflicts_with = "value")]
    all: bool,
    #[command(flatten)]
    of: Of,
    /// Whose value stands.
    #[arg(long, value_enum)]
    take: Option<Take>,
    /// Another value that stands: text as it is; numbers, `true`, `false` and `null` as in JSON.
    #[arg(long)]
    value: Option<String>,
    /// Who decides, for the audit log.
    #[arg(long, default_value = "command-line", value_name = "PERSON")]
    author: PersonId,
}

/// Whose value stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Take {
    /// Ours; it is sent.
    Local,
    /// The platform's.
    Remote,
}

#[derive(Serialize)]
struct List {
    items: Vec<Conflict>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("no conflicts");
        }
        for (idx, it) in self.items.iter().enumerate() {
            let end = if idx + 1 < self.items.len() { "\n" } else { "" };
            let Conflict { id, key, local_field, local_value, remote_value, opened_at, .. } = it;
            write!(
                f,
                "{id}  {opened_at}  {key}  {local_field}: ours {local_value}, theirs {remote_value}{end}"
            )?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Conflict);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = &self.0;
        writeln!(f, "conflict {}", it.id)?;
        writeln!(f, "  record  {} ({} {})", it.key, it.entity, it.entity_id)?;
        writeln!(f, "  field   {} ({} over there)", it.local_field, it.field)?;
        writeln!(f, "  ours    {}", it.local_value)?;
        writeln!(f, "  theirs  {} (as of {})", it.remote_value, it.remote_version)?;
        write!(f, "  opened  {} by the policy {}", it.opened_at, it.policy)?;
        if let (Some(at), Some(resolution)) = (it.resolved_at, it.resolution) {
            let by = it.resolved_by.as_deref().unwrap_or("nobody");
            write!(f, "\n  ended   {at} for {} by {by}", resolution.as_str())?;
        }
        Ok(())
    }
}

#[derive(Default, Serialize)]
struct Resolved {
    n_resolved: u64,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    id: u64,
    fault: String,
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} conflicts decided", self.n_resolved)?;
        for Refused { id, fault } in &self.refused {
            write!(f, "\n{id} could not be decided so: {fault}")?;
        }
        Ok(())
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When a part cannot be opened, there is no such conflict, or the store fails.
pub(crate) async fn run(
    command: ConflictsCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(settings).await?;
    let mut code = SUCCESS;
    let printed = match command {
        ConflictsCommand::List { resolved, of, limit, before } => {
            let filter = ConflictFilter { is_resolved: resolved, before, limit, ..of.into() };
            output.answer(&List { items: list(&*parts.stores.conflicts, &filter).await? })
        }
        ConflictsCommand::Show { number } => {
            let found = parts.stores.conflicts.conflict(&Sight::Everything, number).await;
            let found = found.map_err(|error| CommandError::failed(READ, error))?;
            output.answer(&Shown(found.ok_or_else(|| unknown(number))?))
        }
        ConflictsCommand::Resolve(args) => {
            let done = resolve(&parts, settings, args).await?;
            if !done.refused.is_empty() {
                code = FOUND_WRONG;
            }
            output.answer(&done)
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(code.into())
}

const READ: &str = "read the conflicts";

impl From<Of> for ConflictFilter {
    fn from(Of { connection, object }: Of) -> Self {
        Self { connection, object, ..Self::default() }
    }
}

async fn list(
    conflicts: &dyn Conflicts,
    filter: &ConflictFilter,
) -> Result<Vec<Conflict>, CommandError> {
    let found = conflicts.conflicts(&Sight::Everything, filter).await;
    found.map_err(|error| CommandError::failed(READ, error))
}

fn unknown(number: u64) -> CommandError {
    let tried = format!("find the conflict {number}");
    CommandError::failed(tried, "there is none: see `moodbridge conflicts list`")
}

async fn resolve(
    parts: &Parts,
    settings: &Settings,
    args: ResolveArgs,
) -> Result<Resolved, CommandError> {
    let ResolveArgs { number, of, take, value, author, .. } = args;
    let verdict = match (take, value) {
        (Some(Take::Local), _) => Verdict::Local,
        (Some(Take::Remote), _) => Verdict::Remote,
        (None, value) => Verdict::Other(read_value(&value.unwrap_or_default())),
    };
    let desk = desk_of(parts, settings)?;
    let correlation_id = parts.random.correlation_id();
    let event_id = format!("command:{correlation_id}");
    let author = Author { actor: format!("person:{author}"), event_id, correlation_id };
    let Some(number) = number else {
        let filter = ConflictFilter { limit: PAGE, ..of.into() };
        return decide_all(&desk, &*parts.stores.conflicts, filter, &verdict, &author).await;
    };
    let mut done = Resolved::default();
    decide(&desk, number, &verdict, &author, &mut done).await?;
    Ok(done)
}

/// Decides page after page until none is left.
async fn decide_all(
    desk: &Desk,
    conflicts: &dyn Conflicts,
    mut filter: ConflictFilter,
    verdict: &Verdict,
    author: &Author,
) -> Result<Resolved, CommandError> {
    let mut done = Resolved::default();
    loop {
        let page = list(conflicts, &filter).await?;
        for conflict in &page {
            match decide(desk, conflict.id, verdict, author, &mut done).await {
                // It ended by itself, or somebody else was faster.
                Err(Undecided::Gone(_)) | Ok(()) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        filter.before = page.last().map(|it| it.id);
        if page.len() < usize::try_from(filter.limit).unwrap_or(usize::MAX) {
            return Ok(done);
        }
    }
}

/// Why a decision was not made.
enum Undecided {
    /// There is no such open conflict.
    Gone(u64),
    /// It failed.
    Failed(DeskError),
}

impl From<Undecided> for CommandError {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Gone(number) => {
                let fix = "no open one has this number: see `moodbridge conflicts list`";
                Self::failed(format!("decide the conflict {number}"), fix)
            }
            Undecided::Failed(error) => Self::failed("decide a conflict", error),
        }
    }
}

async fn decide(
    desk: &Desk,
    number: u64,
    verdict: &Verdict,
    author: &Author,
    done: &mut Resolved,
) -> Result<(), Undecided> {
    match desk.decide(&Sight::Everything, number, verdict, author).await {
        Ok(_) => done.n_resolved += 1,
        Err(DeskError::NoConflict { .. }) => return Err(Undecided::Gone(number)),
        // What does not fit its mapping is a fault of the store, not of what was asked.
        Err(DeskError::Edit(error)) if !matches!(error, EditError::Unmapped { .. }) => {
            done.refused.push(Refused { id: number, fault: error.to_string() });
        }
        Err(error) => return Err(Undecided::Failed(error)),
    }
    Ok(())
}

fn read_value(text: &str) -> FieldValue {
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    json.and_then(|it| FieldValue::from_json(&it)).unwrap_or_else(|| FieldValue::text(text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::ids::CorrelationId;
    use shared::model::{Edit, Entity};
    use shared::ports::case_store_contract::{sample_write, text_fields};
    use shared::ports::{
        CaseStore, ConflictDraft, ConflictMark, MemoryCaseStore, SystemClock, SystemRandom,
    };
    use shared::sync::ConflictPolicy;
    use shared::sync::testing::salesforce_mappings;

    use super::*;

    /// A store with a conflict about the industry of each of `n` accounts.
    async fn disputed(n: u32) -> Arc<MemoryCaseStore> {
        let store = Arc::new(MemoryCaseStore::default());
        for number in 1..=n {
            let mut write = sample_write(Entity::Account, number, text_fields([]));
            let at = write.shadow.version;
            let edit = Edit { is_parked: true, ..Edit::new(FieldValue::text("Law"), at) };
            write.shadow.edits.fields.insert("Industry".to_owned(), edit);
            write.shadow.fields.insert("Industry".to_owned(), FieldValue::text("Energy"));
            write.marks.conflicts.push(ConflictMark::Open(ConflictDraft {
                field: "Industry".to_owned(),
                local_field: "industry".to_owned(),
                local_value: FieldValue::text("Law"),
                remote_value: FieldValue::text("Energy"),
                remote_version: at,
                policy: ConflictPolicy::Manual,
                correlation_id: CorrelationId::from_random(1),
            }));
            store.apply(write).await.unwrap();
        }
        store
    }

    fn desk(store: &Arc<MemoryCaseStore>) -> Desk {
        let main = ConnectionId::parse("main").unwrap();
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let mappings = [(main, salesforce_mappings())];
        Desk::new(store.clone(), store.clone(), clock, random, mappings)
    }

    fn author() -> Author {
        Author {
            actor: "person:anna".to_owned(),
            event_id: "command:1".to_owned(),
            correlation_id: CorrelationId::from_random(1),
        }
    }

    #[tokio::test]
    async fn all_conflicts_are_decided_page_after_page() {
        let store = disputed(5).await;
        let filter = ConflictFilter { limit: 2, ..ConflictFilter::default() };

        let done = decide_all(&desk(&store), &*store, filter, &Verdict::Remote, &author()).await;

        assert_eq!(done.unwrap().to_string(), "5 conflicts decided");
        assert_eq!(store.n_open_conflicts().await.unwrap(), 0);
        let values: Vec<_> = store.rows().into_values().map(|it| it["industry"].clone()).collect();
        assert_eq!(values, vec![FieldValue::text("Energy"); 5]);
    }

    #[tokio::test]
    async fn refused_value_is_told_and_ended_conflict_is_named() {
        let store = disputed(1).await;
        let mut done = Resolved::default();
        let flag = Verdict::Other(FieldValue::text(&"x".repeat(300)));
        assert!(decide(&desk(&store), 1, &flag, &author(), &mut done).await.is_ok());
        assert!(done.to_string().contains("1 could not be decided so"), "{done}");

        assert!(decide(&desk(&store), 1, &Verdict::Local, &author(), &mut done).await.is_ok());
        let again = decide(&desk(&store), 1, &Verdict::Local, &author(), &mut done).await;
        let error = CommandError::from(again.err().unwrap());
        assert!(shared::chain(&error).to_string().contains("no open one has this number"));
    }

    #[tokio::test]
    async fn conflict_is_shown_with_both_values_and_how_it_ended() {
        let store = disputed(1).await;
        let mut done = Resolved::default();
        assert!(decide(&desk(&store), 1, &Verdict::Local, &author(), &mut done).await.is_ok());
        let shown = store.conflict(&Sight::Everything, 1).await.unwrap().unwrap();
        let text = Shown(shown).to_string();
        for part in ["ours    Law", "theirs  Energy", "for local by person:anna"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn value_is_text_unless_it_is_plain_json() {
        for (text, wanted) in [
            ("Superior Court", FieldValue::text("Superior Court")),
            ("\"7\"", FieldValue::text("7")),
            ("7", FieldValue::Int(7)),
            ("true", FieldValue::Bool(true)),
            ("null", FieldValue::Null),
            ("", FieldValue::Null),
            ("[1]", FieldValue::text("[1]")),
        ] {
            assert_eq!(read_value(text), wanted, "{text}");
        }
    }
}
