//! Takes in what happened over there: merges an event, reads the record where the event does not
//! carry enough, and writes until nobody else was faster.

use metrics::counter;
use tracing::debug;

use super::mapping::ObjectMapping;
use super::merge::{Authority, MergeContext, Merged, merge};
use crate::cost::{Work, attributed};
use crate::error::{PortErrorKind, Retry};
use crate::ids::EntityId;
use crate::model::{Change, ChangeEvent, Entity, RecordKey, Scope};
use crate::ports::{CaseStore, Committed, Crm, RemoteRecord, Shadow};
use crate::time::Timestamp;
use crate::worker::Failure;

/// How often one event is merged again because somebody else wrote its record in between.
const MAX_MERGES: u32 = 8;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// All of it was known, or something later.
    Known,
    /// The store holds it.
    Applied(Committed),
}

/// Takes in events of one object behind one connection.
#[derive(Clone, Copy)]
pub struct Inbound<'a> {
    /// Where rows are kept.
    pub store: &'a dyn CaseStore,
    /// Where records are read.
    pub crm: &'a dyn Crm,
    /// The mapping of the object.
    pub mapping: &'a ObjectMapping,
    /// Who is named in the audit log, such as `salesforce:main`.
    pub actor: &'a str,
}

impl Inbound<'_> {
    /// Takes in `event`, of which `authority` says how far it is to be believed.
    ///
    /// # Errors
    ///
    /// As the store and the platform answer; permanent when a value does not fit its mapping.
    pub async fn absorb(
        &self,
        event: &ChangeEvent,
        authority: Authority,
    ) -> Result<Absorbed, Failure> {
        let Self { store, mapping, actor, .. } = *self;
        for _ in 0..MAX_MERGES {
            let shadow = self.shadow_of(event).await?;
            let context = MergeContext { mapping, actor, authority, reported: None };
            let mut merged = merge(event, shadow.as_ref(), context)
                .map_err(|error| Failure::of(&error, Retry::Never))?;
            if let Merged::ReadRecord(reason) = merged {
                debug!(correlation.id = %event.correlation_id, record.id = %event.key.record_id,
                    "reading record `{}`: {reason}", event.key.record_id);
                counter!("sync_records_read_total", "reason" => reason).increment(1);
                let current = self.read_record(event, shadow.as_ref()).await?;
                // What is read may be of a record that was made here.
                let shadow = match shadow {
                    Some(shadow) => Some(shadow),
                    None => self.shadow_of(&current).await?,
                };
                let reported = Some(event);
                let context = MergeContext { authority: Authority::Read, reported, ..context };
                merged = merge(&current, shadow.as_ref(), context)
                    .map_err(|error| Failure::of(&error, Retry::Never))?;
            }
            match merged {
                Merged::Nothing => return Ok(Absorbed::Known),
                Merged::ReadRecord(reason) => {
                    return Err(Failure::transient(format!("record read in vain: {reason}")));
                }
                Merged::Write(write) => match store.apply(*write).await {
                    Ok(committed) => return Ok(Absorbed::Applied(committed)),
                    Err(error) if error.kind() == PortErrorKind::Conflict => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Err(Failure::transient(format!("record `{}` is written too often at once", event.key)))
    }

    /// Loads what is known of the record, also when it was made here and the platform has only now
    /// named it.
    async fn shadow_of(&self, event: &ChangeEvent) -> Result<Option<Shadow>, Failure> {
        let Self { store, mapping, .. } = *self;
        if let Some(shadow) = store.shadow(&event.key).await? {
            return Ok(Some(shadow));
        }
        let external_id = mapping.rules.external_id.as_ref();
        let own_id = external_id.and_then(|field| event.fields.get(field)?.as_text());
        let Some(id) = own_id.and_then(|raw| EntityId::parse(raw).ok()) else { return Ok(None) };
        Ok(store.shadow(&event.key.of_local(&id)).await?)
    }

    /// Reads the record and reports it as an event of its own; a record that is gone for good is a
    /// delete.
    async fn read_record(
        &self,
        event: &ChangeEvent,
        shadow: Option<&Shadow>,
    ) -> Result<ChangeEvent, Failure> {
        let fields = self.mapping.remote_fields();
        let reading = self.crm.read(&event.key.object, &event.key.record_id, &fields);
        let record = attributed(work_for(&event.key, self.mapping.entity), reading).await?;
        Ok(reread(event, shadow, record))
    }
}

/// Reports `record`, as it was read now, as an event that holds `event` too.
fn reread(
    event: &ChangeEvent,
    shadow: Option<&Shadow>,
    record: Option<RemoteRecord>,
) -> ChangeEvent {
    let mut current = event.clone();
    current.scope = Scope::Full;
    match record {
        Some(RemoteRecord { version, is_deleted, fields, unread, .. }) => {
            current.change = if is_deleted { Change::Delete } else { Change::Upsert };
            // What is read now holds the event too, even when its stamp is of before the commit.
            current.version = event.version.max(Some(version));
            (current.fields, current.unread) = (fields, unread);
        }
        None => {
            let known = shadow.map(Shadow::newest_version);
            current.change = Change::Delete;
            current.version = event.version.max(known).or(Some(Timestamp::EPOCH));
            current.fields.clear();
        }
    }
    current
}

/// Says for whom calls about `record` are made.
pub fn work_for(record: &RecordKey, entity: Entity) -> Work {
    let RecordKey { connection, object, record_id } = record;
    let case_id = (entity == Entity::Case).then(|| EntityId::derive(connection, object, record_id));
    Work { connection: Some(connection.clone()), case_id, run_id: None }
}
