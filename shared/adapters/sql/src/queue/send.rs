//! Sending: every batch that waits goes in by a few statements of many rows.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use shared::ports::{NewMessage, SendOutcome};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteArguments;

use super::bulk::{Bulk, add};
use super::dedupe::{Key, Keys};
use super::write::{Answer, Job, Turn};

/// A message about to be sent.
pub(super) struct Outgoing {
    message: NewMessage,
    key: Option<Key>,
}

impl Outgoing {
    /// Prepares `message`. Its dedupe key is kept as a digest: short rows make a fast index.
    pub(super) fn new(message: NewMessage, queue_id: i64) -> Self {
        let key = message.dedupe_key.as_deref().map(|key| {
            let digest = Sha256::new()
                .chain_update(queue_id.to_le_bytes())
                .chain_update(key.as_bytes())
                .finalize();
            let mut short = Key::default();
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
}

/// Writes batches.
#[derive(Default)]
pub(super) struct Sender {
    bulk: Bulk,
    keys: Keys,
}

impl Sender {
    /// Begins a transaction, whether anything is sent in it or not.
    pub(super) fn begin(&mut self) {
        self.keys.begin();
    }

    /// Notes that what was sent last is durable.
    pub(super) fn committed(&mut self) {
        self.keys.committed();
    }

    /// Writes every batch among `jobs`, and puts its outcomes into `answers`.
    pub(super) async fn send(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        jobs: &[Job],
        answers: &mut [Answer],
    ) -> Result<(), sqlx::Error> {
        let messages = numbered(connection, jobs).await?;
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return Ok(());
        };
        let keys: Vec<(i64, Key)> =
            messages.iter().filter_map(|it| Some((it.id, it.outgoing.key?))).collect();
        self.keys.catch_up(connection, first.id, last.id).await?;
        let known = self.keys.remember(connection, &mut self.bulk, turn, &keys).await?;
        let known: HashSet<i64> = known.into_iter().collect();
        self.insert(connection, turn, &messages, &known).await?;
        self.keys.move_slice(connection, turn.now).await?;

        let mut outcomes = messages.iter().map(|it| match known.contains(&it.id) {
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

    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        messages: &[Numbered<'_>],
        known: &HashSet<i64>,
    ) -> Result<(), sqlx::Error> {
        let head =
            "INSERT INTO message (id, queue_id, visible_at, sent_at, group_key, body) VALUES ";
        let fresh: Vec<&Numbered<'_>> =
            messages.iter().filter(|it| !known.contains(&it.id)).collect();
        for rows in self.bulk.chunks(&fresh) {
            let mut arguments = SqliteArguments::default();
            for Numbered { id, outgoing: Outgoing { message, .. } } in rows {
                add(&mut arguments, *id)?;
                add(&mut arguments, turn.queue_id)?;
                add(&mut arguments, turn.now.plus(message.delay).as_millis())?;
                add(&mut arguments, turn.now.as_millis())?;
                add(&mut arguments, message.group.as_deref())?;
                add(&mut arguments, message.body.as_str())?;
            }
            let sql = self.bulk.statement(head, "(?,?,?,?,?,?)", rows.len(), "");
            sqlx::query_with(sql, arguments).execute(&mut *connection).await?;
        }
        Ok(())
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
    let number = |(id, outgoing)| Numbered { id, outgoing };
    Ok(ids.zip(outgoing).map(number).collect())
}
