//! Sending: every batch that waits goes in by a few statements of many rows.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use shared::ports::{NewMessage, SendOutcome};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row, SqliteConnection};

use super::bulk::{Bulk, Part, add};
use super::dedupe::{Key, Keys};
use super::write::{Answer, Job, Turn};

/// Keys looked up by one statement at most, and the least that one has room for.
const N_LOOKED_UP: usize = 1024;
const N_FEW_LOOKED_UP: usize = 4;

/// Takes ids, and finds the keys that are in the index.
const LOOK_UP: &[Part] = &[Part {
    head: "UPDATE last_message SET id = id + ? RETURNING id; \
           SELECT key FROM sent_key WHERE expires_at > ? AND key IN (",
    row: "?",
    tail: ")",
}];

const MESSAGE: Part = Part {
    head: "INSERT INTO message (id, queue_id, visible_at, sent_at, group_key, body, trace_parent) VALUES ",
    row: "(?,?,?,?,?,?,?)",
    tail: "",
};
const INSERT: &[Part] = &[MESSAGE];
const INSERT_KEYED: &[Part] = &[
    MESSAGE,
    Part {
        head: "INSERT INTO recent_key (message_id, key, expires_at) VALUES ",
        row: "(?,?,?)",
        tail: "",
    },
];

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
        let outgoing: Vec<&Outgoing> = jobs.iter().flat_map(batch).collect();
        if outgoing.is_empty() {
            return Ok(());
        }
        let (first_id, indexed) = self.look_up(connection, turn, &outgoing).await?;
        let number = |(id, outgoing)| Numbered { id, outgoing };
        let messages: Vec<Numbered<'_>> = (first_id..).zip(outgoing).map(number).collect();
        let last_id = messages.last().map_or(first_id, |it| it.id);
        let keys: Vec<(i64, Key)> =
            messages.iter().filter_map(|it| Some((it.id, it.outgoing.key?))).collect();
        self.keys.catch_up(connection, first_id, last_id).await?;
        let known = self.keys.remember(turn, &keys, &indexed);
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

    /// Takes ids for `outgoing`; returns the first, and those of its keys that are in the index.
    async fn look_up(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        outgoing: &[&Outgoing],
    ) -> Result<(i64, HashSet<Key>), sqlx::Error> {
        let keys: Vec<Key> = outgoing.iter().filter_map(|it| it.key).collect();
        let n_messages = i64::try_from(outgoing.len()).unwrap_or(i64::MAX);
        let mut left = n_messages;
        let mut first_id = 0;
        let mut indexed = HashSet::new();
        for keys in keys.chunks(N_LOOKED_UP).chain(keys.is_empty().then_some(&keys[..])) {
            // A key may stand there twice: so few statements do for any number of keys.
            let n_keys = keys.len().next_power_of_two().max(N_FEW_LOOKED_UP);
            let mut arguments = SqliteArguments::default();
            add(&mut arguments, left)?;
            add(&mut arguments, turn.now.as_millis())?;
            let last = keys.last().copied().unwrap_or_default();
            for key in keys.iter().chain(std::iter::repeat(&last)).take(n_keys) {
                add(&mut arguments, key.as_slice())?;
            }
            let sql = self.bulk.statement(LOOK_UP, n_keys);
            let rows = sqlx::query_with(sql, arguments).fetch_all(&mut *connection).await?;
            let mut rows = rows.iter();
            // The first row is of the first statement: the last id.
            let last_id: i64 = rows.next().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
            first_id = last_id - n_messages + 1;
            left = 0;
            for row in rows {
                indexed.extend(Key::try_from(row.try_get::<&[u8], _>(0)?).ok());
            }
        }
        Ok((first_id, indexed))
    }

    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        turn: Turn,
        messages: &[Numbered<'_>],
        known: &HashSet<i64>,
    ) -> Result<(), sqlx::Error> {
        let (keyed, keyless): (Vec<_>, Vec<_>) = messages
            .iter()
            .filter(|it| !known.contains(&it.id))
            .map(|it| (it, it.outgoing.key))
            .partition(|(_, key)| key.is_some());
        for (rows, parts) in [(keyed, INSERT_KEYED), (keyless, INSERT)] {
            for rows in self.bulk.chunks(&rows) {
                let mut arguments = SqliteArguments::default();
                for (Numbered { id, outgoing: Outgoing { message, .. } }, _) in rows {
                    add(&mut arguments, *id)?;
                    add(&mut arguments, turn.queue_id)?;
                    add(&mut arguments, turn.now.plus(message.delay).as_millis())?;
                    add(&mut arguments, turn.now.as_millis())?;
                    add(&mut arguments, message.group.as_deref())?;
                    add(&mut arguments, message.body.as_str())?;
                    add(&mut arguments, message.trace_parent.as_deref())?;
                }
                for (message, key) in rows {
                    let Some(key) = key else { continue };
                    add(&mut arguments, message.id)?;
                    add(&mut arguments, key.as_slice())?;
                    add(&mut arguments, turn.expires_at())?;
                }
                let sql = self.bulk.statement(parts, rows.len());
                sqlx::query_with(sql, arguments).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// Returns the messages of a job.
fn batch(job: &Job) -> &[Outgoing] {
    match job {
        Job::Send(batch) => batch,
        _ => &[],
    }
}
