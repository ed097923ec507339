//! Rows of the small firm that travel both ways: one with a conflict and a refused change.

use async_trait::async_trait;
use futures_util::FutureExt;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::{ConnectionId, CorrelationId, EntityId, RecordId};
use shared::model::{Edit, Entity, FieldValue, RecordKey};
use shared::ports::case_store_contract::{sample_key, sample_write, text_fields};
use shared::ports::{
    CaseStore, Claim, Committed, Conflict, ConflictDraft, ConflictFilter, ConflictMark, Conflicts,
    Difference, DifferenceKind, MemoryCaseStore, Outbox, OutboxDepth, OutboxEntry, OutboxKind,
    OutboxMark, OutboxStatus, ReconcileJournal, ReconcileOutcome, Reconciliation, Setback, Shadow,
    Write,
};
use shared::sync::ConflictPolicy;
use shared::sync::testing::salesforce_mappings;

use super::{CASE_ID, Firm, NOON, correlation};
use crate::TwoWay;

/// Of each kind a row, one that is deleted, and one to be merged into.
pub(crate) const ROWS: [(Entity, [&str; 3]); 3] = [
    (
        Entity::Account,
        [
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5a0",
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5a1",
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5a2",
        ],
    ),
    (
        Entity::Contact,
        [
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5c0",
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5c1",
            "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f5c2",
        ],
    ),
    (
        Entity::Case,
        [CASE_ID, "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f52a", "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f52b"],
    ),
];

/// The place of the refused case in the outbox.
#[cfg(test)]
pub(crate) fn refused_record() -> String {
    format!("main.Case.{}", sample_key(Entity::Case, 1).record_id)
}

/// A store with those rows.
pub(super) fn rows() -> MemoryCaseStore {
    let store = MemoryCaseStore::default();
    for (entity, ids) in ROWS {
        for (number, id) in (1..).zip(ids) {
            let write = row(entity, number, EntityId::parse(id).unwrap());
            store.apply(write).now_or_never().unwrap().unwrap();
        }
    }
    let setback = Setback {
        code: "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(),
        words: "A validation rule refused the record: mend the field that it names.".into(),
        fields: vec!["Court__c".into()],
    };
    let key = sample_key(Entity::Case, 1);
    store.hold(&key, &setback).now_or_never().unwrap().unwrap();
    store
}

fn row(entity: Entity, number: u32, id: EntityId) -> Write {
    let mut write = sample_write(entity, number, text_fields([]));
    write.entity_id = id.clone();
    write.is_deleted = number == 2;
    write.shadow = Shadow {
        entity_id: id,
        is_deleted: write.is_deleted,
        fields: text_fields([("Description", "As told.")]),
        ..write.shadow
    };
    if entity == Entity::Case && number == 1 {
        let edits = &mut write.shadow.edits.fields;
        let parked = Edit { is_parked: true, ..Edit::new(FieldValue::text("Discovery"), NOON) };
        edits.insert("Status".into(), parked);
        edits.insert("Court__c".into(), Edit::new(FieldValue::text("King County"), NOON));
        write.shadow.fields.insert("Status", FieldValue::text("Settled"));
        write.marks.outbox = OutboxMark::Send(OutboxKind::Update);
        write.marks.conflicts.push(ConflictMark::Open(ConflictDraft {
            field: "Status".into(),
            local_field: "status".into(),
            local_value: FieldValue::text("Discovery"),
            remote_value: FieldValue::text("Settled"),
            remote_version: NOON,
            policy: ConflictPolicy::Manual,
            correlation_id: correlation(),
        }));
    }
    write
}

/// What the API needs of `firm` to change rows.
pub(crate) fn two_way(firm: &std::sync::Arc<Firm>) -> TwoWay {
    TwoWay {
        store: firm.clone(),
        outbox: firm.clone(),
        conflicts: firm.clone(),
        comparisons: firm.clone(),
        mappings: vec![(super::connection(), salesforce_mappings())],
        random: std::sync::Arc::new(shared::ports::SystemRandom),
    }
}

#[async_trait]
impl CaseStore for Firm {
    async fn shadow(&self, key: &RecordKey) -> Result<Option<Shadow>, PortError> {
        self.answer(())?;
        self.rows.shadow(key).await
    }

    async fn shadows(&self, keys: &[RecordKey]) -> Result<Vec<Option<Shadow>>, PortError> {
        self.answer(())?;
        CaseStore::shadows(&self.rows, keys).await
    }

    async fn locate(&self, entity: Entity, id: &EntityId) -> Result<Option<RecordKey>, PortError> {
        self.answer(())?;
        self.rows.locate(entity, id).await
    }

    async fn apply(&self, write: Write) -> Result<Committed, PortError> {
        self.answer(())?;
        self.rows.apply(write).await
    }
}

#[async_trait]
impl Conflicts for Firm {
    async fn conflicts(
        &self,
        sight: &Sight,
        filter: &ConflictFilter,
    ) -> Result<Vec<Conflict>, PortError> {
        self.answer(())?;
        let mut found = self.rows.conflicts(&Sight::Everything, filter).await?;
        found.retain(|it| self.shows(sight, &it.entity_id));
        Ok(found)
    }

    async fn conflict(&self, sight: &Sight, id: u64) -> Result<Option<Conflict>, PortError> {
        self.answer(())?;
        let found = self.rows.conflict(&Sight::Everything, id).await?;
        Ok(found.filter(|it| self.shows(sight, &it.entity_id)))
    }

    async fn n_open_conflicts(&self) -> Result<u64, PortError> {
        self.answer(())?;
        self.rows.n_open_conflicts().await
    }
}

#[async_trait]
impl Outbox for Firm {
    async fn claim(&self, claim: &Claim) -> Result<Vec<OutboxEntry>, PortError> {
        self.rows.claim(claim).await
    }

    async fn postpone(
        &self,
        keys: &[(RecordKey, Option<Setback>)],
        delay: std::time::Duration,
    ) -> Result<(), PortError> {
        self.rows.postpone(keys, delay).await
    }

    async fn hold(&self, key: &RecordKey, setback: &Setback) -> Result<(), PortError> {
        self.rows.hold(key, setback).await
    }

    async fn resend(
        &self,
        connection: &ConnectionId,
        key: Option<&RecordKey>,
    ) -> Result<u64, PortError> {
        self.answer(())?;
        self.rows.resend(connection, key).await
    }

    async fn depths(&self) -> Result<Vec<OutboxDepth>, PortError> {
        self.answer(())?;
        self.rows.depths().await
    }

    async fn waiting(
        &self,
        status: OutboxStatus,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<OutboxEntry>, PortError> {
        self.answer(())?;
        self.rows.waiting(status, after, limit).await
    }

    async fn standing(
        &self,
        key: &RecordKey,
    ) -> Result<Option<(OutboxStatus, OutboxEntry)>, PortError> {
        self.answer(())?;
        self.rows.standing(key).await
    }
}

#[async_trait]
impl ReconcileJournal for Firm {
    async fn record_reconciliation(&self, _run: &Reconciliation) -> Result<(), PortError> {
        self.answer(())
    }

    async fn reconciliations(&self, limit: u32) -> Result<Vec<Reconciliation>, PortError> {
        let key = sample_key(Entity::Case, 1);
        let run = Reconciliation {
            id: CorrelationId::from_random(8),
            connection: key.connection,
            object: key.object,
            started_at: NOON,
            ended_at: Some(NOON),
            outcome: ReconcileOutcome::Repaired,
            n_here: 10_000,
            n_there: 10_000,
            n_differ: 2,
            n_repaired: 2,
            samples: vec![Difference {
                record_id: RecordId::parse(key.record_id.as_str()).unwrap(),
                kind: DifferenceKind::Fields,
                fields: vec!["Status".into()],
            }],
            error: None,
        };
        self.answer(vec![run; usize::try_from(limit).unwrap().min(1)])
    }
}
