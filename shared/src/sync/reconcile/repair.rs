//! Puts right what differs.

use super::Reconciler;
use super::survey::{invalid, is_conflict};
use crate::ids::CorrelationId;
use crate::model::{Change, ChangeEvent, Channel, Fields, Scope};
use crate::ports::{RemoteRecord, ScannedRecord, Shadow};
use crate::sync::Inbound;
use crate::sync::mapping::ObjectMapping;
use crate::sync::merge::Authority;
use crate::sync::outcome::{Cause, build_row_write, row_of};
use crate::worker::Failure;

impl Reconciler<'_> {
    /// Names the fields of a row that are not what its record makes of them; `None` when all are.
    pub(super) fn row_differences(
        &self,
        mapping: &ObjectMapping,
        scanned: &ScannedRecord,
    ) -> Result<Option<Vec<String>>, Failure> {
        let (row, is_deleted) = row_of(&scanned.shadow, mapping).map_err(|it| invalid(&it))?;
        let Some(actual) = &scanned.row else {
            return Ok((!is_deleted).then(|| vec!["id".to_owned()]));
        };
        let mut fields: Vec<_> = row
            .iter()
            .filter(|(name, value)| actual.get(*name).is_none_or(|it| it != *value))
            .filter(|(name, value)| actual.contains_key(*name) || !value.is_null())
            // That column knows no empty value.
            .filter(|(name, value)| name.as_str() != "is_closed" || !value.is_null())
            // A reference may stand for the row that took another one's place.
            .filter(|(name, _)| !is_reference(mapping, name))
            .map(|(name, _)| String::from(name))
            .collect();
        if is_deleted != scanned.is_row_deleted {
            fields.push(crate::ports::PRESENCE_FIELD.to_owned());
        }
        Ok((!fields.is_empty()).then_some(fields))
    }

    /// Writes a row as its record says; `false` when somebody else wrote it meanwhile.
    pub(super) async fn mend_row(
        &self,
        mapping: &ObjectMapping,
        scanned: &ScannedRecord,
        run: &CorrelationId,
    ) -> Result<bool, Failure> {
        let now = self.clock.now();
        let event_id = format!("reconcile:{run}");
        let cause = Cause {
            actor: self.actor,
            channel: Channel::Reconcile,
            event_id: &event_id,
            correlation_id: run,
            version: scanned.shadow.newest_version(),
            received_at: now,
            is_backfill: true,
        };
        let actual = scanned.row.clone().unwrap_or_default();
        let write =
            build_row_write(&scanned.shadow, (&actual, scanned.is_row_deleted), mapping, cause)
                .map_err(|it| invalid(&it))?;
        match self.store.apply(write).await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes in a record as it was read.
    pub(super) async fn take_in(
        &self,
        mapping: &ObjectMapping,
        record: RemoteRecord,
        run: &CorrelationId,
    ) -> Result<(), Failure> {
        let change = if record.is_deleted { Change::Delete } else { Change::Upsert };
        let mut event = self.event(mapping, &record.record_id, run, change);
        event.version = Some(record.version);
        (event.fields, event.unread) = (record.fields, record.unread);
        self.absorb(mapping, &event, Authority::Reported).await
    }

    /// Takes in that a record is gone for good.
    pub(super) async fn take_out(
        &self,
        mapping: &ObjectMapping,
        shadow: &Shadow,
        run: &CorrelationId,
    ) -> Result<(), Failure> {
        let mut event = self.event(mapping, &shadow.key.record_id, run, Change::Delete);
        event.version = Some(shadow.newest_version());
        self.absorb(mapping, &event, Authority::Read).await
    }

    async fn absorb(
        &self,
        mapping: &ObjectMapping,
        event: &ChangeEvent,
        authority: Authority,
    ) -> Result<(), Failure> {
        let Self { store, crm, actor, .. } = *self;
        Inbound { store, crm, mapping, actor }.absorb(event, authority).await.map(drop)
    }

    fn event(
        &self,
        mapping: &ObjectMapping,
        record_id: &crate::ids::RecordId,
        run: &CorrelationId,
        change: Change,
    ) -> ChangeEvent {
        ChangeEvent {
            event_id: format!("reconcile:{run}:{record_id}"),
            key: crate::model::RecordKey {
                connection: self.connection.clone(),
                object: mapping.object.clone(),
                record_id: record_id.clone(),
            },
            change,
            version: None,
            scope: Scope::Full,
            fields: Fields::new(),
            unread: Vec::new(),
            channel: Channel::Reconcile,
            received_at: self.clock.now(),
            is_backfill: true,
            correlation_id: run.clone(),
        }
    }
}

fn is_reference(mapping: &ObjectMapping, name: &str) -> bool {
    let kind = mapping.local_field(name).map(|it| &it.kind);
    matches!(kind, Some(crate::sync::FieldKind::Reference(_)))
}
