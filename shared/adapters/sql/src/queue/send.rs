//! Sending: every batch that waits goes in by a few statements of many rows.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use shared::ports::{NewMessage, SendOutcome};
use shared::time::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use super::write::{Answer, Job, Turn};

/// Rows in one statement at most.
const N_ROWS: usize = 256;
/// Dedupe keys removed in one commit at most.
const N_PRUNED: u32 = 2000;

/// A message about to be sent.
pub(super) struct Outgoing {
    message: NewMessage,
    key: Option<[u8; 16]>,
}

impl Outgoing {
    /// Prepares `message`. Its dedupe key is kept as a digest: short rows make a fast index.
    pub(super) fn new(message: NewMessage, queue_id: i64) -> Self {
        let key = message.dedupe_key.as_deref().map(|key| {
            let digest = Sha256::new()
                .chain_update(queue_id.to_le_bytes())
                .chain_update(key.as_bytes())
                .finalize();
            let mut short = [0; 16];
            short.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
            short
        });
        Self { message, key }
    }
}

/// A message that has its id.
struct Numbered<'a> {
    id: i64,
    outgoing: &'a Outgoing,
    is_duplicate: bool,
}

/// Writes batches, with the text of its statements kept.
#[derive(Default)]
pub(super) struct Sender {
    statements: HashMap<(&'static str, usize), Arc<str>>,
}

const INTO_MESSAGE: &str =
    "INSERT INTO message (id, queue_id, visible_at, sent_at, group_key, body) VALUES ";
const INTO_SENT_KEY: &str = "INSERT INTO sent_key (message_id, key, expires_at) VALUES ";
/// A key that is no longer remembered counts as new, even before it is pruned.
const KEEP_OLDER: &str = " ON CONFLICT (key) DO UPDATE \
     SET message_id = excluded.message_id, expires_at = excluded.expires_at \
     WHERE expires_at <= ?";

impl Sender {
    /// Writes every batch among `jobs`, and puts its outcomes into `answers`.
    pub(super) async fn send(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        jobs: &[Job],
        answers: &mut [Answer],
    ) -> Result<(), sqlx::Error> {
        let mut messages = numbered(connection, jobs).await?;
        if messages.is_empty() {
            return Ok(());
        }
        self.remember_keys(connection, turn, &mut messages).await?;
        self.insert(connection, turn, &messages).await?;

        let mut outcomes = messages.iter().map(|it| match it.is_duplicate {
            true => SendOutcome::Duplicate,
            false => SendOutcome::Queued,
        });
        for (job, answer) in jobs.iter().zip(answers) {
            if let Job::Send(batch) = job {
                *answer = Answer::Sent(outcomes.by_ref().take(batch.len()).collect());
            }
        }
        Ok(())
    }

    /// Marks the messages whose key the queue remembers, and remembers the keys of the others.
    async fn remember_keys(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        messages: &mut [Numbered<'_>],
    ) -> Result<(), sqlx::Error> {
        let mut seen = HashSet::new();
        for message in messages.iter_mut() {
            message.is_duplicate = message.outgoing.key.is_some_and(|key| !seen.insert(key));
        }
        let keyed: Vec<(i64, [u8; 16])> = messages
            .iter()
            .filter(|it| !it.is_duplicate)
            .filter_map(|it| Some((it.id, it.outgoing.key?)))
            .collect();

        let expires_at = turn.now.plus(turn.options.dedupe_for).as_millis();
        let mut n_new = 0;
        for rows in chunks(&keyed) {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(rows.len() * 3 + 1, 0);
            for (id, key) in rows {
                add(&mut arguments, *id)?;
                add(&mut arguments, key.as_slice())?;
                add(&mut arguments, expires_at)?;
            }
            add(&mut arguments, turn.now.as_millis())?;
            let sql = self.statement(INTO_SENT_KEY, "(?,?,?)", rows.len(), KEEP_OLDER);
            n_new += execute(connection, sql, arguments).await?;
        }
        if n_new == keyed.len() as u64 {
            return Ok(());
        }

        let first = keyed.first().map_or(0, |(id, _)| *id);
        let kept: HashSet<i64> =
            sqlx::query_scalar("SELECT message_id FROM sent_key WHERE message_id >= ?1")
                .bind(first)
                .fetch_all(connection)
                .await?
                .into_iter()
                .collect();
        for message in messages.iter_mut().filter(|it| it.outgoing.key.is_some()) {
            message.is_duplicate = !kept.contains(&message.id);
        }
        Ok(())
    }

    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        messages: &[Numbered<'_>],
    ) -> Result<(), sqlx::Error> {
        let fresh: Vec<&Numbered<'_>> = messages.iter().filter(|it| !it.is_duplicate).collect();
        for rows in chunks(&fresh) {
            let mut arguments = SqliteArguments::default();
            arguments.reserve(rows.len() * 6, 0);
            for Numbered { id, outgoing: Outgoing { message, .. }, .. } in rows {
                add(&mut arguments, *id)?;
                add(&mut arguments, turn.queue_id)?;
                add(&mut arguments, turn.now.plus(message.delay).as_millis())?;
                add(&mut arguments, turn.now.as_millis())?;
                add(&mut arguments, message.group.as_deref())?;
                add(&mut arguments, message.body.as_str())?;
            }
            let sql = self.statement(INTO_MESSAGE, "(?,?,?,?,?,?)", rows.len(), "");
            execute(connection, sql, arguments).await?;
        }
        Ok(())
    }

    /// Removes some keys that are no longer remembered; says whether there may be more.
    pub(super) async fn prune(
        &self,
        connection: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let pruned = sqlx::query(
            "DELETE FROM sent_key WHERE expires_at <= ?1 AND message_id IN \
                 (SELECT message_id FROM sent_key ORDER BY message_id LIMIT ?2)",
        )
        .bind(now.as_millis())
        .bind(N_PRUNED)
        .execute(connection)
        .await?;
        Ok(pruned.rows_affected() == u64::from(N_PRUNED))
    }

    fn statement(&mut self, head: &'static str, row: &str, n_rows: usize, tail: &str) -> Arc<str> {
        let build = || {
            let rows = vec![row; n_rows].join(",");
            format!("{head}{rows}{tail}").into()
        };
        Arc::clone(self.statements.entry((head, n_rows)).or_insert_with(build))
    }
}

/// Gives each message among `jobs` its id.
async fn numbered<'a>(
    connection: &mut SqliteConnection,
    jobs: &'a [Job],
) -> Result<Vec<Numbered<'a>>, sqlx::Error> {
    let batches = jobs.iter().filter_map(|job| match job {
        Job::Send(batch) => Some(batch),
        _ => None,
    });
    let outgoing: Vec<&Outgoing> = batches.flatten().collect();
    if outgoing.is_empty() {
        return Ok(Vec::new());
    }
    let n_messages = i64::try_from(outgoing.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar("UPDATE last_message SET id = id + ?1 RETURNING id")
        .bind(n_messages)
        .fetch_one(connection)
        .await?;
    let ids = last - n_messages + 1..;
    let number = |(id, outgoing)| Numbered { id, outgoing, is_duplicate: false };
    Ok(ids.zip(outgoing).map(number).collect())
}

/// Cuts `rows` into pieces whose lengths are powers of two: few lengths, so few statements.
fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let n_rows = 1_usize << rows.len().checked_ilog2()?;
        let (chunk, rest) = rows.split_at_checked(n_rows.min(N_ROWS))?;
        rows = rest;
        Some(chunk)
    })
}

fn add<'t, T>(arguments: &mut SqliteArguments, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    Arguments::add(arguments, value).map_err(sqlx::Error::Encode)
}

async fn execute(
    connection: &mut SqliteConnection,
    sql: Arc<str>,
    arguments: SqliteArguments,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
    Ok(done.rows_affected())
}
