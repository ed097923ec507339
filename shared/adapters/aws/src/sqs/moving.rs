//! Dead letters sent again by SQS itself, without a trip of each message through this process.

use std::time::Duration;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry;
use shared::error::{PortError, PortErrorKind};
use tokio::time::sleep;

use super::queue::SqsQueue;
use super::redrive::Redrive;

/// How often it is asked how far SQS has come.
const ASK: Duration = Duration::from_millis(500);

/// The states of a task. Source: API reference of SQS, `ListMessageMoveTasks`.
const RUNNING: &str = "RUNNING";
const FAILED: &str = "FAILED";

/// What a refusal means that is none of the request, but of whoever answers: it knows no such task, or
/// this process may not start one.
const IS_MISSING: [&str; 6] = [
    "InvalidAction",
    "UnknownOperationException",
    "UnsupportedOperation",
    "NotImplemented",
    "AccessDenied",
    "AccessDeniedException",
];

impl SqsQueue {
    /// Has SQS move every dead letter back, and follows it to its end; `None` where that is not
    /// possible. One that is under way already, of a process that ended, is followed.
    ///
    /// Only for queues without order: a message of a FIFO queue that was set aside with its reason lies
    /// in a group of its own there, and would keep it. What is moved keeps the attributes of its death.
    pub(super) async fn move_dead(&self) -> Result<Option<u64>, PortError> {
        let redrive = self.redrive().await?;
        let Some(arn) = redrive.arn.as_deref().filter(|_| !self.address.is_fifo()) else {
            return Ok(None);
        };
        let [n_ready, n_in_flight, _] = self.counts(&redrive.dead).await?;
        let n_wanted = n_ready + n_in_flight;
        if n_wanted == 0 {
            return Ok(Some(0));
        }
        let is_under_way = match self.last_move(redrive).await? {
            Last::Unknown => return Ok(None),
            Last::None => false,
            Last::Task(task) => task.status() == Some(RUNNING),
        };
        if !is_under_way {
            // Named, because SQS knows no source of what was sent to the dead letters with a reason.
            let start = self.client.start_message_move_task().source_arn(&redrive.dead_arn);
            if let Err(error) = start.destination_arn(arn).send().await {
                return if is_missing(&error) {
                    Ok(None)
                } else {
                    Err(self.call("replay").failed(error))
                };
            }
        }
        self.follow_move(redrive, n_wanted).await.map(Some)
    }

    /// Waits until SQS has moved all, and no longer than until it has moved as many as there were:
    /// poison comes back, and would be moved for ever.
    async fn follow_move(&self, redrive: &Redrive, n_wanted: u64) -> Result<u64, PortError> {
        let mut n_told = 0;
        loop {
            let Last::Task(task) = self.last_move(redrive).await? else { return Ok(n_told) };
            let n_moved = u64::try_from(task.approximate_number_of_messages_moved());
            let n_moved = n_moved.unwrap_or_default();
            match (task.status(), task.task_handle()) {
                (Some(RUNNING), Some(handle)) if n_moved > n_wanted => {
                    self.cancel_move(handle).await?;
                }
                (Some(RUNNING | "CANCELLING"), _) => {}
                (Some(FAILED), _) => {
                    let why = task.failure_reason().unwrap_or("it does not say why");
                    let text = format!("SQS moved {n_moved} of {n_wanted} and failed: {why}");
                    let fault = self.call("replay").fault(PortErrorKind::Unavailable);
                    return Err(fault.with_source(text));
                }
                _ => return Ok(n_moved),
            }
            if n_moved != n_told {
                n_told = n_moved;
                tracing::info!(queue = %self.name, n_moved, n_wanted,
                    "moved {n_moved} of {n_wanted} dead letters of `{}`", self.name);
            }
            sleep(ASK).await;
        }
    }

    /// Returns the newest task that moves the dead letters.
    async fn last_move(&self, redrive: &Redrive) -> Result<Last, PortError> {
        let list = self.client.list_message_move_tasks().source_arn(&redrive.dead_arn);
        match list.max_results(1).send().await {
            Ok(answer) => {
                let newest = answer.results.unwrap_or_default().into_iter().next();
                Ok(newest.map_or(Last::None, |it| Last::Task(Box::new(it))))
            }
            Err(error) if is_missing(&error) => Ok(Last::Unknown),
            Err(error) => Err(self.call("replay").failed(error)),
        }
    }

    /// Stops a task; what it moved stays moved.
    async fn cancel_move(&self, handle: &str) -> Result<(), PortError> {
        let cancel = self.client.cancel_message_move_task().task_handle(handle);
        match cancel.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let fault = self.call("cancel replay").failed(error);
                // It came to its end meanwhile.
                if fault.kind() == PortErrorKind::NotFound { Ok(()) } else { Err(fault) }
            }
        }
    }
}

/// The newest task.
enum Last {
    /// Whoever answers knows no tasks, or does not tell this process of them.
    Unknown,
    /// There was none.
    None,
    Task(Box<ListMessageMoveTasksResultEntry>),
}

fn is_missing<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    SdkError<E, HttpResponse>: ProvideErrorMetadata,
{
    let code = error.code().map(|it| it.rsplit(['.', '#']).next().unwrap_or(it));
    code.is_some_and(|it| IS_MISSING.contains(&it))
}
