//! Takes in what another system kept of a matter: timeline events, documents, communications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use super::case_store::{AuditDraft, FieldChange};
use super::case_view::StoreDigest;
use crate::error::PortError;
use crate::ids::{CorrelationId, EntityId};
use crate::model::{Channel, FieldValue};
use crate::time::Timestamp;

/// Every field of a source row by its name there, in one canonical form: JSON with sorted keys and
/// without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemDetails(String);

impl ItemDetails {
    /// Spells `fields`.
    pub fn new(fields: &BTreeMap<String, Value>) -> Self {
        // A map with text keys is always JSON.
        Self(serde_json::to_string(fields).unwrap_or_else(|_| "{}".to_owned()))
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an item becomes here.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemBody {
    /// Something that happened.
    Event(ImportedEvent),
    /// An exhibit or another document.
    Document(ImportedDocument),
    /// A letter, mail or call.
    Communication(ImportedCommunication),
}

/// Something that happened in a matter.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedEvent {
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its kind, such as `placement_denial`.
    pub event_type: String,
    /// One line.
    pub title: String,
    /// More, when there is more.
    pub description: Option<String>,
    /// 1 (note) to 5 (critical).
    pub importance: u8,
    /// By what it is counted, such as `Holiday Violation`.
    pub category: Option<String>,
    /// How long it took, in hours.
    pub hours: Option<f64>,
    /// The event it belongs to.
    pub related_id: Option<EntityId>,
}

/// A document of a matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedDocument {
    /// The exhibit's label, such as `A-1`.
    pub exhibit_label: Option<String>,
    /// Its name.
    pub name: String,
    /// Its media type, such as `application/pdf`.
    pub media_type: Option<String>,
    /// Its length in bytes.
    pub size_bytes: Option<u64>,
    /// Its SHA-256: 64 digits of lower-case hex.
    pub sha256: Option<String>,
    /// By what it is sorted.
    pub category: Option<String>,
    /// What it shows.
    pub description: Option<String>,
}

/// A letter, mail or call of a matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedCommunication {
    /// When it was sent or held.
    pub occurred_at: Timestamp,
    /// Who spoke.
    pub sender: Option<String>,
    /// Whom it was meant for.
    pub recipient: Option<String>,
    /// Mail, phone, letter.
    pub medium: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its text.
    pub content: Option<String>,
    /// Whether it is about a placement.
    pub related_to_placement: bool,
}

/// One row of another system, with all it held.
#[derive(Clone, Debug, PartialEq)]
pub struct MatterItem {
    /// Our id of it, derived from where it came from, so that the same row is the same item.
    pub id: EntityId,
    /// Where it came from: system and table, such as `moodbridge/exhibits`. A source holds items of
    /// one kind.
    pub source: String,
    /// All its fields.
    pub details: ItemDetails,
    /// When its source made it; the instant of the import when that is not known.
    pub created_at: Option<Timestamp>,
    /// What it becomes here.
    pub body: ItemBody,
}

/// Items of one matter that are written together.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemBatch {
    /// The matter.
    pub case_id: EntityId,
    /// The items; no id twice.
    pub items: Vec<MatterItem>,
    /// Who imports, for the audit log.
    pub actor: String,
    /// What is imported, for the audit log.
    pub event_id: String,
    /// Ties the batches of one import together.
    pub correlation_id: CorrelationId,
    /// When the import began.
    pub received_at: Timestamp,
}

/// How the items of one source stood to what was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportTally {
    /// They were not there.
    pub n_new: u64,
    /// They were there, and said something else.
    pub n_changed: u64,
    /// They were there as they are.
    pub n_same: u64,
}

impl ImportTally {
    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.n_new += other.n_new;
        self.n_changed += other.n_changed;
        self.n_same += other.n_same;
    }

    /// Tells whether anything had to be written.
    pub fn writes(&self) -> bool {
        self.n_new + self.n_changed > 0
    }
}

/// The tallies by source.
pub type ImportTallies = BTreeMap<String, ImportTally>;

/// Makes the audit row of `batch`; `None` when nothing was written.
pub fn import_audit(batch: &ItemBatch, tallies: &ImportTallies) -> Option<AuditDraft> {
    let written = tallies.iter().filter(|(_, tally)| tally.writes());
    let changes: Vec<FieldChange> = written
        .map(|(source, ImportTally { n_new, n_changed, n_same })| {
            let tally = format!("{n_new} new, {n_changed} changed, {n_same} same");
            FieldChange::new(format!("import:{source}"), FieldValue::Null, FieldValue::Text(tally))
        })
        .collect();
    (!changes.is_empty()).then(|| AuditDraft {
        actor: batch.actor.clone(),
        channel: Channel::Api,
        event_id: batch.event_id.clone(),
        correlation_id: batch.correlation_id.clone(),
        changes,
        source_version: batch.received_at,
        received_at: batch.received_at,
        is_backfill: true,
    })
}

/// Takes in the items of matters.
///
/// # Contract
///
/// - [`import_items`](MatterImport::import_items) writes every item that is new or changed and one
///   audit row of the case, an `updated` one with the counts by source, in one transaction that is
///   durable when it returns, or nothing at all.
/// - An item is known by its id. One that stands as it is given is left alone, and a batch of such
///   items alone writes nothing, no audit row either.
/// - Nothing is ever removed.
/// - It is no change row: what downstream readers follow is the case itself.
/// - [`imported`](MatterImport::imported) reads back what stands, not what was asked for.
#[async_trait]
pub trait MatterImport: Send + Sync {
    /// Writes `batch`, and tells how its items stood to what was there.
    ///
    /// # Errors
    ///
    /// `NotFound` when the case is not there; `Rejected` when an item does not fit its table.
    async fn import_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError>;

    /// Tells what [`import_items`](MatterImport::import_items) would, and writes nothing. For a case
    /// that is not there everything is new.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn compare_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError>;

    /// Digests the imported items of a case by their sources, each over its id and all its details:
    /// see [`DigestSum::add_item`](crate::sync::DigestSum::add_item).
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn imported(
        &self,
        case_id: &EntityId,
    ) -> Result<BTreeMap<String, StoreDigest>, PortError>;
}
