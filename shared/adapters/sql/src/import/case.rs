//! The matter itself: a row of `case_info`, merged like a record of any other system.

use sha2::{Digest, Sha256};
use shared::ids::{ConnectionId, CorrelationId, InvalidId, ObjectName, RecordId};
use shared::model::{Change, ChangeEvent, Channel, Entity, FieldValue, Fields, RecordKey, Scope};
use shared::ports::{CaseStore, Shadow, StoreDigest};
use shared::sync::{
    Authority, DigestSum, FieldKind, FieldMapping, MergeContext, Merged, ObjectMapping, merge,
};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use super::date;
use super::report::CaseOutcome;
use super::row::{Fault, SourceRow};
use crate::store::hex;

/// What `status` says when a matter is over.
const CLOSED: [&str; 8] = [
    "closed",
    "dismissed",
    "settled",
    "resolved",
    "disposed",
    "withdrawn",
    "archived",
    "completed",
];

/// The longest docket number that is part of an id as it is.
const MAX_DOCKET: usize = 80;

/// How often somebody else may be faster.
const N_TRIES: u32 = 5;

/// A row of `case_info`.
#[derive(Clone, Debug)]
pub(super) struct CaseRow {
    pub(super) docket_number: String,
    fields: Fields,
    created_at: Option<Timestamp>,
    /// What should be looked at.
    pub(super) findings: Vec<String>,
}

/// When and under which name something is imported.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) event_id: String,
    pub(super) correlation_id: CorrelationId,
}

impl CaseRow {
    /// Reads a row.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when it cannot be taken.
    pub(super) fn read(row: &SourceRow) -> Result<Self, Fault> {
        let docket_number = row.needed("docket_number")?;
        let mut fields = Fields::new();
        for column in ["docket_number", "case_title", "court", "status"] {
            let text = row.text(column)?.unwrap_or_default();
            fields.insert(column.to_owned(), FieldValue::text(&text));
        }
        let status = row.text("status")?.unwrap_or_default();
        let is_closed = CLOSED.iter().any(|it| status.eq_ignore_ascii_case(it));
        fields.insert("is_closed".to_owned(), FieldValue::Bool(is_closed));
        let raw = row.text("created_at")?;
        let created_at = raw.as_deref().and_then(date::parse);
        let mut findings = Vec::new();
        if raw.is_some() && created_at.is_none() {
            findings.push("`created_at` is not a date: the matter has no opening date".to_owned());
        }
        let opened = created_at.map_or(FieldValue::Null, |at| FieldValue::Text(at.to_string()));
        fields.insert("created_at".to_owned(), opened);
        Ok(Self { docket_number, fields, created_at, findings })
    }

    /// Returns the record that the matter is, at `connection`.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] never, as its parts are made to fit.
    pub(super) fn key(&self, connection: &ConnectionId) -> Result<RecordKey, InvalidId> {
        Ok(RecordKey {
            connection: connection.clone(),
            object: ObjectName::parse("case_info")?,
            record_id: RecordId::parse(record_name(&self.docket_number))?,
        })
    }

    /// Tells what [`apply`](Self::apply) would do.
    pub(super) async fn compare(
        &self,
        store: &dyn CaseStore,
        key: &RecordKey,
    ) -> Result<CaseOutcome, PortError> {
        let shadow = store.shadow(key).await?;
        Ok(match shadow {
            None => CaseOutcome::New,
            Some(it) if !it.is_deleted && digest(key, &it.fields) == self.digest(key) => {
                CaseOutcome::Same
            }
            Some(_) => CaseOutcome::Changed,
        })
    }

    /// Brings the store to what the row says.
    ///
    /// # Errors
    ///
    /// As the store answers; `Rejected` when the row does not fit it.
    pub(super) async fn apply(
        &self,
        store: &dyn CaseStore,
        key: &RecordKey,
        stamp: &Stamp,
    ) -> Result<CaseOutcome, PortError> {
        let mapping = mapping().map_err(|error| refused(key, error))?;
        let context = MergeContext {
            mapping: &mapping,
            actor: &stamp.actor,
            authority: Authority::Read,
            reported: None,
        };
        for n_left in (0..N_TRIES).rev() {
            let outcome = self.compare(store, key).await?;
            if outcome == CaseOutcome::Same {
                return Ok(outcome);
            }
            let shadow = store.shadow(key).await?;
            let event = self.event(key, shadow.as_ref(), stamp);
            let merged =
                merge(&event, shadow.as_ref(), context).map_err(|error| refused(key, error))?;
            let Merged::Write(write) = merged else { return Ok(outcome) };
            match store.apply(*write).await {
                Err(error) if error.kind() == PortErrorKind::Conflict && n_left > 0 => {}
                applied => return applied.map(|_| outcome),
            }
        }
        Ok(CaseOutcome::Same)
    }

    /// The rows of `case_info` carry no version. What the file says now wins over what is known of
    /// it: its version is that of the row's making, but never older than what is known.
    fn event(&self, key: &RecordKey, shadow: Option<&Shadow>, stamp: &Stamp) -> ChangeEvent {
        let known = shadow.map_or(Timestamp::EPOCH, Shadow::newest_version);
        let made = self.created_at.unwrap_or(Timestamp::EPOCH);
        let first = Timestamp::from_millis(1);
        ChangeEvent {
            event_id: stamp.event_id.clone(),
            key: key.clone(),
            change: Change::Upsert,
            version: Some(made.max(known).max(first)),
            scope: Scope::Full,
            fields: self.fields.clone(),
            unread: Vec::new(),
            channel: Channel::Api,
            received_at: stamp.at,
            is_backfill: true,
            correlation_id: stamp.correlation_id.clone(),
        }
    }

    /// Digests the row as the store keeps it.
    pub(super) fn digest(&self, key: &RecordKey) -> StoreDigest {
        digest(key, &self.fields)
    }

    /// Digests what stands in the store.
    pub(super) async fn stored(
        store: &dyn CaseStore,
        key: &RecordKey,
    ) -> Result<StoreDigest, PortError> {
        let shadow = store.shadow(key).await?;
        Ok(shadow.map_or_else(|| DigestSum::default().finish(), |it| digest(key, &it.fields)))
    }
}

fn digest(key: &RecordKey, fields: &Fields) -> StoreDigest {
    let mut sum = DigestSum::default();
    sum.add(key, false, fields);
    sum.finish()
}

fn refused(key: &RecordKey, cause: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(PortErrorKind::Rejected, "import", "map", key.to_string()).with_source(cause)
}

fn mapping() -> Result<ObjectMapping, InvalidId> {
    let fields = [
        ("docket_number", "docket_number", FieldKind::Text),
        ("case_title", "title", FieldKind::Text),
        ("court", "court", FieldKind::Text),
        ("status", "status", FieldKind::Text),
        ("is_closed", "is_closed", FieldKind::Bool),
        ("created_at", "opened_at", FieldKind::DateTime),
    ];
    let fields = fields.map(|(remote, local, kind)| FieldMapping::reading(remote, local, kind));
    Ok(ObjectMapping::reading(ObjectName::parse("case_info")?, Entity::Case, fields.into()))
}

/// Spells a docket number as part of an id: visible ASCII, no `/`, and no two alike. A long one is
/// its SHA-256.
fn record_name(docket: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::with_capacity(docket.len());
    for byte in docket.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'/') {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > MAX_DOCKET {
        name = format!("sha256%{}", hex(&Sha256::digest(docket)));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docket_numbers_become_ids_that_differ() {
        assert_eq!(record_name("DEMO-2024-001"), "DEMO-2024-001");
        assert_eq!(record_name("24/CV 7%"), "24%2FCV%207%25");
        let long = record_name(&"9".repeat(300));
        assert!(long.len() < 100 && long != record_name(&"9".repeat(301)), "{long}");
    }
}
