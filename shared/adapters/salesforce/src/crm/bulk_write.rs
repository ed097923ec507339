//! The org behind the port that writes very many records by jobs.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use shared::PortError;
use shared::ids::{EntityId, ObjectName, SalesforceId};
use shared::model::{FieldName, FieldValue};
use shared::ports::{
    BulkAction, BulkJournal, BulkResults, BulkWriter, RemoteWrite, Target, WriteResult,
};
use tracing::info;

use super::refusal::{NoExternalId, refused_row, unprocessed};
use super::{Purpose, SalesforceCrm, parse_id, rejected};
use crate::bulk::{
    BulkIngest, IngestJobState, IngestOperation, IngestOutcomes, IngestPlan, IngestRow, JobJournal,
    RowOutcome, RowRefusal, RowResult, RowsInMemory,
};
use crate::setup::EXTERNAL_ID;

const ID: &str = "Id";

/// Writes that no job takes.
#[derive(Debug, thiserror::Error)]
enum BadJob {
    #[error("a job overwrites whatever stands there: write records with a guard by single calls")]
    Guarded,
    #[error("a job makes new records, or changes those that are there: begin one for each")]
    Mixed,
}

#[async_trait]
impl BulkWriter for SalesforceCrm {
    async fn run(
        &self,
        object: &ObjectName,
        action: BulkAction,
        writes: &[RemoteWrite],
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> Result<(), PortError> {
        let purpose = Purpose { operation: "run job", subject: object.as_str() };
        if writes.is_empty() {
            return Ok(());
        }
        if action == BulkAction::Create && !self.takes_own_id(object).await? {
            return Err(rejected(purpose, NoExternalId { object: object.clone() }));
        }
        let references = self.references(object).await?;
        let (plan, rows) = plan(purpose, object, action, writes, &references)?;
        let mut state = IngestJobState::new(plan);
        let told = Told { results, object };
        let rows = Arc::new(RowsInMemory(rows.into()));
        self.ingest().run(&mut state, rows, &told, &Note(journal)).await.map(|_| ())
    }

    async fn resume(
        &self,
        state: &str,
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> Result<(), PortError> {
        let purpose = Purpose { operation: "resume job", subject: "state" };
        let mut state: IngestJobState =
            serde_json::from_str(state).map_err(|error| rejected(purpose, error))?;
        let object = state.plan.object.clone();
        let told = Told { results, object: &object };
        self.ingest().finish(&mut state, &told, &Note(journal)).await
    }
}

impl SalesforceCrm {
    fn ingest(&self) -> BulkIngest {
        self.client.bulk_ingest().with_pace(self.pace)
    }

    /// Lists the lookups of `object`, in small letters.
    async fn references(&self, object: &ObjectName) -> Result<BTreeSet<String>, PortError> {
        let described = self.client.describe(object).await?;
        let fields = described.shape().into_iter().flat_map(|it| &it.fields);
        let references = fields.filter(|(_, it)| it.field_type == "reference");
        Ok(references.map(|(name, _)| name.to_ascii_lowercase()).collect())
    }
}

/// Makes the plan of a job and its rows, those of one parent beside each other: in two batches at
/// once they would lock each other out.
fn plan(
    purpose: Purpose<'_>,
    object: &ObjectName,
    action: BulkAction,
    writes: &[RemoteWrite],
    references: &BTreeSet<String>,
) -> Result<(IngestPlan, Vec<IngestRow>), PortError> {
    let (key, operation) = match action {
        BulkAction::Create => {
            (EXTERNAL_ID, IngestOperation::Upsert { external_id: EXTERNAL_ID.to_owned() })
        }
        BulkAction::Update => (ID, IngestOperation::Update),
    };
    let named: BTreeSet<&FieldName> = writes
        .iter()
        .flat_map(|it| it.fields.keys())
        .filter(|it| !it.eq_ignore_ascii_case(key))
        .collect();
    let mut rows = Vec::with_capacity(writes.len());
    for write in writes {
        if write.unmodified_since.is_some() {
            return Err(rejected(purpose, BadJob::Guarded));
        }
        let key = match (&write.target, action) {
            (Target::New(id), BulkAction::Create) => id.as_str().to_owned(),
            (Target::Known(id), BulkAction::Update) => parse_id(purpose, id)?.into(),
            _ => return Err(rejected(purpose, BadJob::Mixed)),
        };
        let cells = named.iter().map(|name| write.fields.get(*name).cloned());
        rows.push([Some(FieldValue::Text(key))].into_iter().chain(cells).collect::<IngestRow>());
    }
    let parents: Vec<usize> = named
        .iter()
        .enumerate()
        .filter(|(_, name)| references.contains(&name.to_ascii_lowercase()))
        .map(|(idx, _)| idx + 1)
        .collect();
    rows.sort_by_cached_key(|row: &IngestRow| -> Vec<String> {
        let parent = |idx: &usize| row.get(*idx)?.as_ref()?.as_text().map(str::to_owned);
        parents.iter().map(|idx| parent(idx).unwrap_or_default()).collect()
    });
    let columns = [key.to_owned()].into_iter().chain(named.into_iter().map(String::from)).collect();
    Ok((IngestPlan::new(object.clone(), operation, columns), rows))
}

/// Hands on what became of rows.
struct Told<'a> {
    results: &'a dyn BulkResults,
    object: &'a ObjectName,
}

#[async_trait]
impl IngestOutcomes for Told<'_> {
    async fn settle(&self, outcomes: &[RowOutcome]) -> Result<(), PortError> {
        let purpose = Purpose { operation: "settle job", subject: self.object.as_str() };
        let told = outcomes.iter().map(|it| result_of(purpose, it));
        self.results.take(told.collect::<Result<_, _>>()?).await
    }

    async fn refuse(&self, rows: &[(u64, RowRefusal)]) -> Result<(), PortError> {
        // Such as a text that a job takes for nothing: they go by single calls.
        info!(object = %self.object, n_rows = rows.len(),
            "{} records of `{}` cannot go by a job", rows.len(), self.object);
        Ok(())
    }
}

/// Reads what a row is about from its key: our id of a new record, the org's of one that was there.
fn result_of(
    purpose: Purpose<'_>,
    outcome: &RowOutcome,
) -> Result<(Target, WriteResult), PortError> {
    let (target, is_new) = match SalesforceId::parse(outcome.key.as_str()) {
        Ok(id) => (Target::Known(id.to_record_id()), false),
        Err(_) => {
            let id = EntityId::parse(outcome.key.as_str());
            (Target::New(id.map_err(|error| rejected(purpose, error))?), true)
        }
    };
    let result = match &outcome.result {
        RowResult::Succeeded { id, .. } => {
            WriteResult::Done { record_id: id.to_record_id(), state: None }
        }
        RowResult::Failed(fault) => refused_row(fault, is_new),
        RowResult::Unprocessed => unprocessed(),
    };
    Ok((target, result))
}

/// Keeps the state of a job as a text.
struct Note<'a>(&'a dyn BulkJournal);

#[async_trait]
impl JobJournal<IngestJobState> for Note<'_> {
    async fn save(&self, state: &IngestJobState) -> Result<(), PortError> {
        let purpose = Purpose { operation: "save job", subject: state.plan.object.as_str() };
        let json = serde_json::to_string(state).map_err(|error| rejected(purpose, error))?;
        self.0.save(&json).await
    }
}
