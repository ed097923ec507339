//! Ends an upload that another process left, without its rows.

use std::sync::Arc;

use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};

use super::fault::BulkFault;
use super::ingest::BulkIngest;
use super::ingest_plan::RowsInMemory;
use super::ingest_state::{IngestJobState, PartPhase};
use super::job::{JobKind, JobState};
use super::journal::JobJournal;
use super::outcome::IngestOutcomes;
use super::query::error_of;
use crate::client::PLATFORM;

impl BulkIngest {
    /// Waits for a job that was started and tells what became of its rows; deletes one that was not.
    /// Rows without an outcome then were not written. Nothing is sent.
    ///
    /// # Errors
    ///
    /// `Rejected` when nobody can tell any more what became of the job, else as the org, the outcomes
    /// or the journal say: finish it again with the same state.
    pub async fn finish(
        &self,
        state: &mut IngestJobState,
        outcomes: &dyn IngestOutcomes,
        journal: &dyn JobJournal<IngestJobState>,
    ) -> Result<(), PortError> {
        let Some(part) = &mut state.part else { return Ok(()) };
        match part.phase.clone() {
            PartPhase::Planned => return Ok(()),
            PartPhase::Created { job_id } => return self.clear_away(&job_id).await,
            PartPhase::Uploaded { job_id, sent } => match self.state_of(&job_id).await? {
                Some(JobState::Open) => return self.clear_away(&job_id).await,
                Some(_) => part.phase = PartPhase::Started { job_id, sent },
                None => return Err(untold(&job_id)),
            },
            PartPhase::Started { .. } => {}
        }
        // Rows that were locked are told, not sent again: they are not here.
        part.round = u32::MAX;
        match self.run(state, Arc::new(RowsInMemory::default()), outcomes, journal).await {
            Err(error) if error.kind() == PortErrorKind::NotFound => {
                Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "finish upload", "job")
                    .with_source(error))
            }
            ended => ended.map(|_| ()),
        }
    }

    async fn state_of(&self, job_id: &SalesforceId) -> Result<Option<JobState>, PortError> {
        Ok(self.client.job(JobKind::Ingest, job_id).await?.map(|it| it.state))
    }

    /// Deletes a job that nobody has started.
    async fn clear_away(&self, job_id: &SalesforceId) -> Result<(), PortError> {
        match self.state_of(job_id).await? {
            None => Ok(()),
            Some(JobState::Open | JobState::Failed | JobState::Aborted) => {
                self.client.delete_job(JobKind::Ingest, job_id).await
            }
            Some(state) => {
                let (job, state) = (job_id.as_str().to_owned(), state.into());
                let fault = BulkFault::UnexpectedState { job, state };
                Err(PortError::new(
                    PortErrorKind::Rejected,
                    PLATFORM,
                    "finish upload",
                    job_id.as_str(),
                )
                .with_source(fault))
            }
        }
    }
}

fn untold(job_id: &SalesforceId) -> PortError {
    let fault = BulkFault::JobGone { job: job_id.as_str().to_owned() };
    let cause = error_of(fault, "finish upload", job_id);
    PortError::new(PortErrorKind::Rejected, PLATFORM, "finish upload", job_id.as_str())
        .with_source(cause)
}
