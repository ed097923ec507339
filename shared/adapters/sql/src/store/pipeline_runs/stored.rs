//! Rows of the journal of pipelines.

use shared::ids::CorrelationId;
use shared::ports::{Kept, PartitionRun, PartitionTally, PipelineRun, RunCounts};

use crate::store::decode::{checked, count, instant, json, word};
use crate::store::text::StoredText;

/// The columns of a run.
pub(super) const RUN: &str = "id, pipeline, kind, state, round, definition, only_partitions, n_partitions, \
     message, started_by, correlation_id, idempotency_key, requested_at, started_at, finished_at, \
     revision";
/// The columns of a partition.
pub(super) const PARTITION: &str = "run_id, number, name, state, round, n_attempts, n_overruns, owner, \
     leased_until, n_read, n_filtered, n_rejected, n_out, rules, message, output, quarantine, \
     started_at, finished_at, revision";

/// A run as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct StoredRun {
    id: String,
    pipeline: String,
    kind: String,
    state: String,
    round: i64,
    definition: Option<String>,
    only_partitions: String,
    n_partitions: Option<i64>,
    message: Option<StoredText>,
    started_by: StoredText,
    correlation_id: String,
    idempotency_key: Option<StoredText>,
    requested_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    revision: i64,
}

impl StoredRun {
    /// Turns the row into what the port answers.
    pub(super) fn read(self) -> Result<Kept<PipelineRun>, sqlx::Error> {
        let value = PipelineRun {
            id: checked(CorrelationId::parse(self.id))?,
            pipeline: self.pipeline,
            kind: word(&self.kind)?,
            state: word(&self.state)?,
            round: small(self.round),
            definition: self.definition,
            only: json(&self.only_partitions)?,
            n_partitions: self.n_partitions.map(small),
            message: self.message.map(Into::into),
            started_by: self.started_by.into(),
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
            idempotency_key: self.idempotency_key.map(Into::into),
            requested_at: instant(self.requested_at),
            started_at: self.started_at.map(instant),
            finished_at: self.finished_at.map(instant),
        };
        Ok(Kept { value, revision: count(self.revision) })
    }
}

/// A partition as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct StoredPartition {
    run_id: String,
    number: i64,
    name: String,
    state: String,
    round: i64,
    n_attempts: i64,
    n_overruns: i64,
    owner: Option<String>,
    leased_until: Option<i64>,
    n_read: i64,
    n_filtered: i64,
    n_rejected: i64,
    n_out: i64,
    rules: String,
    message: Option<StoredText>,
    output: Option<String>,
    quarantine: Option<String>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    revision: i64,
}

impl StoredPartition {
    /// Turns the row into what the port answers.
    pub(super) fn read(self) -> Result<Kept<PartitionRun>, sqlx::Error> {
        let value = PartitionRun {
            run: checked(CorrelationId::parse(self.run_id))?,
            number: small(self.number),
            name: self.name,
            state: word(&self.state)?,
            round: small(self.round),
            n_attempts: small(self.n_attempts),
            n_overruns: small(self.n_overruns),
            owner: self.owner,
            leased_until: self.leased_until.map(instant),
            counts: RunCounts {
                n_read: count(self.n_read),
                n_filtered: count(self.n_filtered),
                n_rejected: count(self.n_rejected),
                n_out: count(self.n_out),
            },
            rules: json(&self.rules)?,
            message: self.message.map(Into::into),
            output: self.output,
            quarantine: self.quarantine,
            started_at: self.started_at.map(instant),
            finished_at: self.finished_at.map(instant),
        };
        Ok(Kept { value, revision: count(self.revision) })
    }
}

/// Partitions that stand alike, as they are counted.
#[derive(sqlx::FromRow)]
pub(super) struct StoredTally {
    state: String,
    round: i64,
    n_partitions: i64,
    n_read: i64,
    n_filtered: i64,
    n_rejected: i64,
    n_out: i64,
}

impl StoredTally {
    /// Turns the row into what the port answers.
    pub(super) fn read(self) -> Result<PartitionTally, sqlx::Error> {
        Ok(PartitionTally {
            state: word(&self.state)?,
            round: small(self.round),
            n_partitions: small(self.n_partitions),
            counts: RunCounts {
                n_read: count(self.n_read),
                n_filtered: count(self.n_filtered),
                n_rejected: count(self.n_rejected),
                n_out: count(self.n_out),
            },
        })
    }
}

fn small(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}
