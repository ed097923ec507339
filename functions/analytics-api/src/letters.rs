//! Dead letters as one person may see them: those about a case they are screened from are not there.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::auth::{Permission, Sight};
use shared::ids::{ConnectionId, EntityId, ObjectName, RecordId, SalesforceId};
use shared::model::RecordKey;
use shared::ports::{DeadLetter, Queue, Walls};
use shared::time::Timestamp;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::problem::Problem;

/// How many letters are read at a time when all are looked through.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);

/// Stands for a failure that may repeat what a hidden case says.
const UNTOLD: &str = "not shown: nobody can say which case this message is about";

/// A message that was set aside.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct ShownLetter {
    /// The message's own id.
    id: String,
    /// The text that was sent: the data of a record. Null to whoever may not read cases.
    body: Option<String>,
    /// Its group, when it has one.
    group: Option<String>,
    /// How often it was handed out.
    n_attempts: u32,
    /// Why it was set aside: the last failure, with its causes. Whoever is screened from a case is
    /// not told where nobody can say which case it is about.
    reason: String,
    /// When it was sent.
    sent_at: Timestamp,
    /// When it was set aside.
    died_at: Timestamp,
}

impl ShownLetter {
    /// Returns the message's own id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// The dead letters of one queue, as one person may see them.
pub(crate) struct Letters<'a> {
    queue: &'a dyn Queue,
    walls: &'a dyn Walls,
    hearing: Sight,
    hears_all: bool,
    reads_bodies: bool,
}

impl<'a> Letters<'a> {
    /// Looks at the letters of `queue` for `caller`.
    ///
    /// # Errors
    ///
    /// [`Problem`] when the walls do not answer.
    pub(crate) async fn of(
        queue: &'a dyn Queue,
        walls: &'a dyn Walls,
        caller: &Caller,
    ) -> Result<Self, Problem> {
        let reads_bodies = caller.may(Permission::CasesRead);
        Ok(Self { reads_bodies, ..Self::heard(queue, walls, caller.hearing()).await? })
    }

    /// Looks at the letters of `queue` without their bodies, as far as `hearing` goes.
    ///
    /// # Errors
    ///
    /// [`Problem`] when the walls do not answer.
    pub(crate) async fn heard(
        queue: &'a dyn Queue,
        walls: &'a dyn Walls,
        hearing: Sight,
    ) -> Result<Self, Problem> {
        let hears_all = walls.shows_all(&hearing).await.map_err(Problem::of_port)?;
        Ok(Self { queue, walls, hearing, hears_all, reads_bodies: false })
    }

    /// Tells whether no letter is hidden.
    pub(crate) fn hears_all(&self) -> bool {
        self.hears_all
    }

    /// Lists up to `n_wanted` letters after the one with the id `after`, the newest first.
    ///
    /// # Errors
    ///
    /// [`Problem`] when the queue or the walls do not answer.
    pub(crate) async fn list(
        &self,
        after: Option<String>,
        n_wanted: NonZeroU32,
    ) -> Result<Vec<ShownLetter>, Problem> {
        let n_page = n_wanted;
        let n_wanted = usize::try_from(n_wanted.get()).unwrap_or(usize::MAX);
        let mut shown = Vec::new();
        let mut walk = Walk::from(after, if self.hears_all { n_page } else { PAGE });
        while shown.len() < n_wanted {
            let Some(letters) = walk.next(self).await? else { break };
            shown.extend(letters.into_iter().map(|it| self.show(it)));
        }
        shown.truncate(n_wanted);
        Ok(shown)
    }

    /// Returns the ids of all letters that may be seen, or of those of them that `asked` names.
    ///
    /// # Errors
    ///
    /// [`Problem`] when the queue or the walls do not answer.
    pub(crate) async fn ids(&self, asked: Option<&[String]>) -> Result<Vec<String>, Problem> {
        let asked: Option<HashSet<&str>> = asked.map(|it| it.iter().map(String::as_str).collect());
        let mut ids = Vec::new();
        let mut walk = Walk::from(None, PAGE);
        while let Some(letters) = walk.next(self).await? {
            let is_asked = |id: &String| asked.as_ref().is_none_or(|it| it.contains(id.as_str()));
            ids.extend(letters.into_iter().map(|it| it.id).filter(is_asked));
        }
        Ok(ids)
    }

    fn show(&self, letter: DeadLetter) -> ShownLetter {
        // Nobody can say which case a text is about that names no record, and a failure repeats texts.
        let is_safe = self.hears_all || !records(&letter).is_empty();
        ShownLetter {
            id: letter.id,
            body: Some(letter.body).filter(|_| self.reads_bodies && is_safe),
            group: letter.group.filter(|_| is_safe),
            n_attempts: letter.n_attempts,
            reason: if is_safe { letter.reason } else { UNTOLD.to_owned() },
            sent_at: letter.sent_at,
            died_at: letter.died_at,
        }
    }

    /// Leaves out the letters about hidden cases.
    async fn keep_audible(&self, letters: Vec<DeadLetter>) -> Result<Vec<DeadLetter>, Problem> {
        if self.hears_all {
            return Ok(letters);
        }
        let named: Vec<_> = letters.iter().map(records).collect();
        let asked: BTreeSet<EntityId> = named.iter().flatten().cloned().collect();
        let asked: Vec<_> = asked.into_iter().collect();
        let hidden = self.walls.hidden(&self.hearing, &asked).await.map_err(Problem::of_port)?;
        let kept = letters.into_iter().zip(named).filter(|(_, named)| hidden.is_disjoint(named));
        Ok(kept.map(|(letter, _)| letter).collect())
    }
}

/// A walk along all letters, the newest first.
struct Walk {
    after: Option<String>,
    n_page: NonZeroU32,
    is_over: bool,
}

impl Walk {
    fn from(after: Option<String>, n_page: NonZeroU32) -> Self {
        Self { after, n_page, is_over: false }
    }

    async fn next(&mut self, letters: &Letters<'_>) -> Result<Option<Vec<DeadLetter>>, Problem> {
        if self.is_over {
            return Ok(None);
        }
        let page = letters.queue.dead_letters(self.after.as_deref(), self.n_page).await;
        let page = page.map_err(Problem::of_port)?;
        self.is_over = page.len() < usize::try_from(self.n_page.get()).unwrap_or(usize::MAX);
        self.after = page.last().map(|it| it.id.clone());
        letters.keep_audible(page).await.map(Some)
    }
}

/// What an event says of its record; the rest of its body is passed over.
#[derive(Deserialize)]
struct Named {
    #[serde(flatten)]
    key: RecordKey,
    #[serde(default)]
    fields: Value,
}

/// Returns our ids of every record that `letter` names: its own, that of its group, and each record
/// that its fields point at, taken for a case.
fn records(letter: &DeadLetter) -> BTreeSet<EntityId> {
    let mut keys: Vec<RecordKey> = letter.group.as_deref().and_then(key_of).into_iter().collect();
    if let Ok(Named { key, fields }) = serde_json::from_str::<Named>(&letter.body) {
        let mut texts = Vec::new();
        collect_texts(&fields, &mut texts);
        let ids = texts.into_iter().filter_map(|it| SalesforceId::parse(it).ok());
        let pointed = ids.filter_map(|id| {
            let object = ObjectName::parse("Case").ok()?;
            let connection = key.connection.clone();
            Some(RecordKey { connection, object, record_id: id.to_record_id() })
        });
        keys.extend(pointed);
        keys.push(key);
    }
    keys.iter().map(RecordKey::entity_id).collect()
}

fn key_of(group: &str) -> Option<RecordKey> {
    let mut parts = group.splitn(3, '/');
    Some(RecordKey {
        connection: ConnectionId::parse(parts.next()?).ok()?,
        object: ObjectName::parse(parts.next()?).ok()?,
        record_id: RecordId::parse(parts.next()?).ok()?,
    })
}

fn collect_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|it| collect_texts(it, texts)),
        Value::Object(members) => members.values().for_each(|it| collect_texts(it, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
