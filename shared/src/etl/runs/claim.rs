//! Who works on a partition.

use std::time::Duration;

use super::message::PipelineMessage;
use crate::error::PortError;
use crate::ports::{Clock, Kept, PartitionRun, PipelineJournal, PipelineRun, PipelineRunState};
use crate::time::Timestamp;

/// How often a partition is begun in one round; after that it has failed. Fewer than a queue hands a
/// message out, so that the reason is ours.
pub const MAX_ATTEMPTS: u32 = 8;

/// Who asks for a partition.
#[derive(Clone, Copy, Debug)]
pub struct Hold<'a> {
    /// The message it is asked for by: the same at every delivery.
    pub message_id: &'a str,
    /// Tells one delivery of the message from another.
    pub token: u128,
    /// How long the partition is its own without a word from it.
    pub lease: Duration,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// The partition is the caller's.
    Granted(Box<(PipelineRun, Kept<PartitionRun>)>),
    /// The partition, its round or its run has ended: there is nothing to do.
    Ended,
    /// Another message asks for the same, and is at it: this one is of no use.
    Duplicate,
    /// Whoever was given this message, or an earlier round, is at it, or died.
    InHand {
        /// When it is given to somebody else.
        until: Timestamp,
    },
    /// It was begun so often that it is not begun any more: it has failed.
    GivenUp(String),
    /// The journal knows no such partition.
    Unknown,
}

/// Claims the partition that `message` asks for.
///
/// # Errors
///
/// As the journal answers.
pub async fn claim(
    journal: &dyn PipelineJournal,
    clock: &dyn Clock,
    message: &PipelineMessage,
    hold: Hold<'_>,
) -> Result<Claimed, PortError> {
    let Some(number) = message.partition else { return Ok(Claimed::Unknown) };
    loop {
        let Some(Kept { value: run, .. }) = journal.pipeline_run(&message.run).await? else {
            return Ok(Claimed::Unknown);
        };
        let Some(Kept { value: found, revision }) = journal.partition(&run.id, number).await?
        else {
            return Ok(Claimed::Unknown);
        };
        let now = clock.now();
        if let Some(answer) = answered(&run, &found, message, hold, now) {
            return Ok(answer);
        }
        let mine = begun(found, &run, hold, now);
        let reason = given_up(&mine);
        let next = match &reason {
            Some(reason) => PartitionRun {
                state: PipelineRunState::Failed,
                owner: None,
                leased_until: None,
                message: Some(reason.clone()),
                finished_at: Some(now),
                ..mine
            },
            None => mine,
        };
        if journal.put_partition(&next, revision).await? {
            return Ok(match reason {
                Some(reason) => Claimed::GivenUp(reason),
                None => {
                    Claimed::Granted(Box::new((run, Kept { value: next, revision: revision + 1 })))
                }
            });
        }
    }
}

/// Answers where there is nothing to claim.
fn answered(
    run: &PipelineRun,
    found: &PartitionRun,
    message: &PipelineMessage,
    hold: Hold<'_>,
    now: Timestamp,
) -> Option<Claimed> {
    use PipelineRunState::{Running, Succeeded};
    let is_of_round = found.round == run.round;
    let has_ended = found.state == Succeeded || found.state.is_ended() && is_of_round;
    if run.round != message.round || run.state.is_ended() || has_ended {
        return Some(Claimed::Ended);
    }
    let until = found.leased_until.filter(|it| found.state == Running && *it > now)?;
    let owner = found.owner.as_deref().and_then(|it| it.rsplit_once('/')).map(|it| it.0);
    let is_another = owner != Some(hold.message_id) && is_of_round;
    Some(if is_another { Claimed::Duplicate } else { Claimed::InHand { until } })
}

/// Begins `found` once more.
fn begun(found: PartitionRun, run: &PipelineRun, hold: Hold<'_>, now: Timestamp) -> PartitionRun {
    let is_of_round = found.round == run.round;
    let (n_attempts, n_overruns) =
        if is_of_round { (found.n_attempts, found.n_overruns) } else { (0, 0) };
    PartitionRun {
        state: PipelineRunState::Running,
        round: run.round,
        n_attempts: n_attempts + 1,
        n_overruns,
        owner: Some(format!("{}/{:016x}", hold.message_id, hold.token)),
        leased_until: Some(now.plus(hold.lease)),
        counts: crate::ports::RunCounts::default(),
        rules: Vec::new(),
        output: None,
        quarantine: None,
        started_at: Some(now),
        finished_at: None,
        ..found
    }
}

fn given_up(partition: &PartitionRun) -> Option<String> {
    if partition.n_attempts <= MAX_ATTEMPTS {
        return None;
    }
    let last = partition.message.as_deref().unwrap_or("the process ended each time");
    Some(format!("it was begun {MAX_ATTEMPTS} times and never ended: {last}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::ports::MemoryPipelineJournal;
    use crate::ports::pipeline_journal_contract::sample_pipeline_run;

    struct Moved(Mutex<Timestamp>);

    impl Clock for Moved {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    struct Fixture {
        journal: MemoryPipelineJournal,
        clock: Moved,
    }

    const LEASE: Duration = Duration::from_mins(1);

    impl Fixture {
        async fn new() -> Self {
            let journal = MemoryPipelineJournal::default();
            let run = sample_pipeline_run(1);
            journal.open_run(&run, None, 10).await.unwrap();
            let run = PipelineRun { n_partitions: Some(1), ..run };
            assert!(journal.put_run(&run, 1, &[String::new()]).await.unwrap());
            Self { journal, clock: Moved(Mutex::new(run.requested_at)) }
        }

        async fn claim(&self, message_id: &str, token: u128) -> Claimed {
            let run = sample_pipeline_run(1).id;
            let message = PipelineMessage { run, round: 1, partition: Some(1) };
            let hold = Hold { message_id, token, lease: LEASE };
            claim(&self.journal, &self.clock, &message, hold).await.unwrap()
        }

        fn pass(&self, time: Duration) {
            let mut now = self.clock.0.lock().unwrap();
            *now = now.plus(time);
        }
    }

    #[tokio::test]
    async fn partition_in_hand_is_given_to_nobody_until_its_lease_ends() {
        let fixture = Fixture::new().await;
        let first = fixture.claim("m1", 1).await;
        assert!(matches!(first, Claimed::Granted(_)), "{first:?}");
        let until = fixture.clock.now().plus(LEASE);
        assert_eq!(fixture.claim("m1", 2).await, Claimed::InHand { until });
        assert_eq!(fixture.claim("m2", 3).await, Claimed::Duplicate);

        fixture.pass(LEASE);

        let Claimed::Granted(granted) = fixture.claim("m1", 4).await else { panic!("not granted") };
        assert_eq!(granted.1.value.n_attempts, 2);
        let Claimed::Granted(lost) = first else { panic!("not granted") };
        let lost = lost.1;
        assert!(!fixture.journal.put_partition(&lost.value, lost.revision).await.unwrap());
    }

    #[tokio::test]
    async fn partition_whose_process_dies_each_time_fails_with_a_reason() {
        let fixture = Fixture::new().await;
        for token in 0..MAX_ATTEMPTS {
            assert!(matches!(fixture.claim("m1", token.into()).await, Claimed::Granted(_)));
            fixture.pass(LEASE);
        }
        let Claimed::GivenUp(reason) = fixture.claim("m1", 99).await else {
            panic!("not given up")
        };
        assert_eq!(reason, "it was begun 8 times and never ended: the process ended each time");
        assert_eq!(fixture.claim("m1", 100).await, Claimed::Ended);
        let run = sample_pipeline_run(1).id;
        let settled = crate::etl::runs::settle(&fixture.journal, &run, fixture.clock.now()).await;
        let settled = settled.unwrap().unwrap();
        assert_eq!(settled.state, PipelineRunState::Failed);
        assert_eq!(settled.message.as_deref(), Some(reason.as_str()));
        let again = crate::etl::runs::settle(&fixture.journal, &run, fixture.clock.now()).await;
        assert_eq!(again.unwrap(), None);
    }
}
