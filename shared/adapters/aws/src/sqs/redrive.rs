//! The queue behind the queue, for what cannot be handled.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::address::QueueAddress;

/// Where messages go that were handed out too often.
#[derive(Clone, Debug)]
pub(crate) struct Redrive {
    /// The queue of dead letters.
    pub(crate) dead: QueueAddress,
    /// Its ARN.
    pub(crate) dead_arn: String,
    /// The ARN of the queue itself, where it tells one.
    pub(crate) arn: Option<String>,
    /// How often a message is handed out at most.
    pub(crate) max_attempts: NonZeroU32,
}

/// Source: API reference of SQS, `SetQueueAttributes`, `RedrivePolicy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    dead_letter_target_arn: String,
    #[serde(deserialize_with = "number")]
    max_receive_count: NonZeroU32,
}

/// Reads a number that some tools write as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Bare(NonZeroU32),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Bare(number) => Ok(number),
        Number::Text(text) => text.parse().map_err(D::Error::custom),
    }
}

impl Redrive {
    /// Reads the redrive policy of `queue`, whose ARN is `arn`.
    pub(crate) fn read(queue: &QueueAddress, arn: Option<&str>, policy: &str) -> Option<Self> {
        let policy: Policy = serde_json::from_str(policy).ok()?;
        let dead = queue.beside(&policy.dead_letter_target_arn)?;
        let (dead_arn, arn) = (policy.dead_letter_target_arn, arn.map(ToOwned::to_owned));
        Some(Self { dead, dead_arn, arn, max_attempts: policy.max_receive_count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_names_the_queue_and_the_attempts_as_number_or_text() {
        let url = url::Url::parse("sqs://sqs.eu-west-1.amazonaws.com/1/events").unwrap();
        let queue = QueueAddress::of(&url).unwrap();
        for count in ["5", "\"5\""] {
            let policy = format!(
                r#"{{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:dead","maxReceiveCount":{count}}}"#
            );
            let redrive = Redrive::read(&queue, None, &policy).unwrap();
            assert!(redrive.dead.url().ends_with("/1/dead"), "{redrive:?}");
            assert_eq!(redrive.max_attempts.get(), 5);
        }
        assert!(Redrive::read(&queue, None, "{}").is_none());
    }
}
