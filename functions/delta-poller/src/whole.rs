//! Loads an object as a whole, the first time and whenever it is to be read from the start again.

use async_trait::async_trait;
use shared::ids::{ConnectionId, ObjectName};
use shared::model::ChangeEvent;
use shared::ports::{Ledger, Queue, SyncRun};
use shared::sync::{Aside, Cursor, LoadOrder, LoadProgress, Loader, ObjectMapping};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tokio::sync::watch;
use tracing::info;

use crate::bookmark::{Bookmark, SweepError};
use crate::event;
use crate::poller::{Poller, Whole};
use crate::sweep::SweepEnd;

impl Poller {
    /// Loads the object of `run` as a whole when its cursor stands at the beginning and it is large;
    /// the cursor then stands where the load began.
    pub(crate) async fn load_whole(
        &self,
        run: &mut SyncRun,
        remote_now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<SweepEnd, SweepError> {
        let Some(whole) = self.source.whole.as_ref().filter(|_| self.ports.store.is_some()) else {
            return Ok(SweepEnd::UpToDate);
        };
        let Some(mapping) = whole.mappings.get(&run.object) else { return Ok(SweepEnd::UpToDate) };
        let port_error = |source| SweepError::Port { object: mapping.object.clone(), source };
        self.begin_again_after_a_new_mapping(mapping).await.map_err(port_error)?;
        let connection = &self.source.connection;
        let ports = &self.ports;
        let mut bookmark =
            Bookmark::open(&*ports.ledger, &*ports.random, connection, &mapping.object).await?;
        if !bookmark.is_at_the_beginning() {
            return Ok(SweepEnd::UpToDate);
        }
        let is_begun = Loader::noted(&*ports.ledger, connection, &mapping.object)
            .await
            .map_err(port_error)?
            .is_some();
        if !is_begun {
            let n_records = whole.reader.count(&mapping.object).await.map_err(port_error)?;
            if n_records <= self.settings.load_above {
                return Ok(SweepEnd::UpToDate);
            }
        }
        let reads_deleted = bookmark.cursor().is_some();
        let generation = bookmark.generation().to_owned();
        let order = Order { mapping, whole, remote_now, reads_deleted, generation: &generation };
        let Some(begun_at) = self.load(run, &order, until).await? else {
            return Ok(SweepEnd::OutOfTime);
        };
        bookmark.save(Cursor::resting(begun_at.to_second())).await?;
        Ok(SweepEnd::UpToDate)
    }

    /// Loads, and returns when the load began over there; `None` when its time was over before its
    /// end.
    async fn load(
        &self,
        run: &mut SyncRun,
        order: &Order<'_>,
        until: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, SweepError> {
        let Some(store) = &self.ports.store else { return Ok(None) };
        let Order { mapping, whole, remote_now, reads_deleted, generation } = *order;
        let actor = format!("{}:{}", self.source.platform, self.source.connection);
        let aside = QueueAside { queue: &*self.ports.queue, generation };
        let loader = Loader {
            connection: &self.source.connection,
            actor: &actor,
            reader: &*whole.reader,
            crm: &*self.source.crm,
            store: &**store,
            ledger: &*self.ports.ledger,
            aside: &aside,
            clock: &*self.ports.clock,
        };
        let id = run.id.clone();
        let (tell, mut heard) = watch::channel(LoadProgress::default());
        let watch = |progress| {
            tell.send_replace(progress);
        };
        let loading =
            loader.load(LoadOrder { mapping, remote_now, reads_deleted, run: &id }, &watch);
        tokio::pin!(loading);
        let over = async {
            match until {
                Some(until) => tokio::time::sleep(until.since(self.ports.clock.now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        let loaded = loop {
            tokio::select! {
                loaded = &mut loading => break loaded,
                // It has noted how far it came.
                () = &mut over => return Ok(None),
                Ok(()) = heard.changed() => {
                    run.n_read = heard.borrow_and_update().n_read;
                    self.record(run).await;
                }
            }
        };
        let loaded = loaded
            .map_err(|failure| SweepError::Load { object: mapping.object.clone(), failure })?;
        run.n_read = loaded.progress.n_read;
        Ok(Some(loaded.begun_at))
    }

    /// Sets the cursor back when the object is mapped otherwise than at its last reading: fields that
    /// are mapped now may not have been read then.
    async fn begin_again_after_a_new_mapping(
        &self,
        mapping: &ObjectMapping,
    ) -> Result<(), PortError> {
        let ledger = &*self.ports.ledger;
        let name = mapping_name(&self.source.connection, &mapping.object);
        let wanted = mapping.fingerprint();
        let (revision, kept) = match ledger.get(&name).await? {
            Some(entry) => (entry.revision, Some(entry.value)),
            None => (0, None),
        };
        if kept.as_ref() == Some(&wanted) {
            return Ok(());
        }
        if kept.is_some() {
            set_back(ledger, &self.source.connection, &mapping.object).await?;
            info!(connection = %self.source.connection, object = %mapping.object,
                "`{}` is mapped otherwise than before: it is read again from the start",
                mapping.object);
        }
        ledger.put(&name, &wanted, revision).await.map(drop)
    }
}

/// What is to be loaded.
struct Order<'a> {
    mapping: &'a ObjectMapping,
    whole: &'a Whole,
    remote_now: Timestamp,
    reads_deleted: bool,
    generation: &'a str,
}

/// Returns where it is kept by which mapping an object was read last.
fn mapping_name(connection: &ConnectionId, object: &ObjectName) -> String {
    format!("mapping/{connection}/{object}")
}

async fn set_back(
    ledger: &dyn Ledger,
    connection: &ConnectionId,
    object: &ObjectName,
) -> Result<(), PortError> {
    let name = Cursor::ledger_name(connection, object);
    let Some(entry) = ledger.get(&name).await? else { return Ok(()) };
    let start = serde_json::to_string(&Cursor::resting(Timestamp::EPOCH)).map_err(|error| {
        PortError::new(PortErrorKind::Rejected, "ledger", "put", name.clone()).with_source(error)
    })?;
    ledger.put(&name, &start, entry.revision).await.map(drop)
}

/// Queues records that a load could not take in: the worker fails at them with the same reason, and
/// they become dead letters that a person can look at and replay.
struct QueueAside<'a> {
    queue: &'a dyn Queue,
    generation: &'a str,
}

#[async_trait]
impl Aside for QueueAside<'_> {
    async fn set_aside(&self, event: ChangeEvent) -> Result<(), PortError> {
        let max = self.queue.max_body_bytes();
        let subject = event.key.object.to_string();
        let message = event::message_of(event, self.generation, max).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "queue", "set aside", subject)
                .with_source(error)
        })?;
        self.queue.send(vec![message]).await.map(drop)
    }
}
