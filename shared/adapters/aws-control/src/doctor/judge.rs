//! What the settings of a bucket mean.

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Told;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ExpirationStatus, LambdaFunctionConfiguration, LifecycleRule,
    PublicAccessBlockConfiguration, QueueConfiguration, ReplicationConfiguration,
    ReplicationRuleStatus, ServerSideEncryptionConfiguration, TopicConfiguration,
};
use shared::platform::Verdict;

use super::asked::Asked;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFinding {
    /// What it is about, such as `encryption`.
    pub aspect: &'static str,
    /// How it turned out.
    pub verdict: Verdict,
    /// What was found, in words.
    pub what: String,
    /// What to do about it; always there when the verdict is `bad`.
    pub fix: Option<&'static str>,
}

/// The settings of a bucket.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) versioning: Asked<Option<BucketVersioningStatus>>,
    pub(super) encryption: Asked<Option<ServerSideEncryptionConfiguration>>,
    pub(super) lifecycle: Asked<Vec<LifecycleRule>>,
    pub(super) replication: Asked<Option<ReplicationConfiguration>>,
    pub(super) public: Asked<Option<PublicAccessBlockConfiguration>>,
    pub(super) told: Asked<Told>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            versioning: Asked::NoBucket,
            encryption: Asked::NoBucket,
            lifecycle: Asked::NoBucket,
            replication: Asked::NoBucket,
            public: Asked::NoBucket,
            told: Asked::NoBucket,
        }
    }
}

/// What was found of one setting, and the way out.
type Judged = (Verdict, String, Option<&'static str>);

/// Says what the settings of a bucket mean.
pub(super) fn judge(settings: Settings) -> Vec<BucketFinding> {
    if settings.versioning == Asked::NoBucket {
        return vec![BucketFinding {
            aspect: "bucket",
            verdict: Verdict::Bad,
            what: "there is no such bucket, in this account and region".to_owned(),
            fix: Some("correct its name, or `AWS_REGION` and the credentials; Terraform makes it"),
        }];
    }
    vec![
        of("encryption", settings.encryption, encryption),
        of("versions", settings.versioning, versions),
        of("lifecycle", settings.lifecycle, lifecycle),
        of("copies", settings.replication, copies),
        of("public access", settings.public, public),
        of("events", settings.told, events),
    ]
}

fn of<T>(
    aspect: &'static str,
    asked: Asked<T>,
    judge: impl FnOnce(Option<T>) -> Judged,
) -> BucketFinding {
    let (verdict, what, fix) = match asked {
        Asked::Set(found) => judge(Some(found)),
        Asked::Unset | Asked::NoBucket => judge(None),
        Asked::Failed { is_denied: true, .. } => (
            Verdict::Unknown,
            "this person may not ask".to_owned(),
            Some("ask with a role that may `s3:Get*Configuration` and `s3:GetBucket*`"),
        ),
        Asked::Failed { why, .. } => (Verdict::Unknown, why, None),
    };
    BucketFinding { aspect, verdict, what, fix }
}

fn encryption(found: Option<Option<ServerSideEncryptionConfiguration>>) -> Judged {
    let rule = found.flatten().and_then(|it| it.rules.into_iter().next());
    let default = rule.and_then(|it| it.apply_server_side_encryption_by_default);
    match default {
        None => (
            Verdict::Bad,
            "objects are not encrypted".to_owned(),
            Some("set a default encryption: module `bucket` does, with the deployment's key"),
        ),
        Some(default) => match default.kms_master_key_id {
            Some(_) => (Verdict::Good, "by a key of ours in KMS".to_owned(), None),
            None => {
                let what = format!("by a key of AWS ({})", default.sse_algorithm.as_str());
                (Verdict::Good, what, None)
            }
        },
    }
}

fn versions(found: Option<Option<BucketVersioningStatus>>) -> Judged {
    match found.flatten() {
        Some(BucketVersioningStatus::Enabled) => (Verdict::Good, "are kept".to_owned(), None),
        _ => (
            Verdict::Bad,
            "are not kept: what is overwritten or deleted is gone".to_owned(),
            Some("turn versioning on: module `bucket` does"),
        ),
    }
}

fn lifecycle(found: Option<Vec<LifecycleRule>>) -> Judged {
    let rules = found.unwrap_or_default();
    let mut rules = rules.iter().filter(|it| it.status == ExpirationStatus::Enabled).peekable();
    if rules.peek().is_none() {
        return (
            Verdict::Warning,
            "no rule: old versions and broken uploads are kept, and paid for, for ever".to_owned(),
            Some("add rules that end both: module `bucket` does"),
        );
    }
    let (mut ends_uploads, mut ends_versions) = (false, false);
    for rule in rules {
        ends_uploads |= rule.abort_incomplete_multipart_upload.is_some();
        ends_versions |= rule.noncurrent_version_expiration.is_some();
    }
    match (ends_uploads, ends_versions) {
        (true, true) => (Verdict::Good, "ends old versions and broken uploads".to_owned(), None),
        (false, _) => (
            Verdict::Warning,
            "broken uploads are kept, and paid for, for ever".to_owned(),
            Some("add a rule with `abort_incomplete_multipart_upload`"),
        ),
        (true, false) => (
            Verdict::Warning,
            "old versions are kept, and paid for, for ever".to_owned(),
            Some("add a rule with `noncurrent_version_expiration`, unless the firm keeps them all"),
        ),
    }
}

fn copies(found: Option<Option<ReplicationConfiguration>>) -> Judged {
    let rules = found.flatten().map(|it| it.rules).unwrap_or_default();
    if rules.is_empty() {
        return (
            Verdict::Warning,
            "none in another region".to_owned(),
            Some("set `replica` in Terraform, unless all of it can be made again"),
        );
    }
    let running = rules.iter().filter(|it| it.status == ReplicationRuleStatus::Enabled);
    let places: Vec<_> = running.filter_map(|it| Some(it.destination()?.bucket())).collect();
    if places.is_empty() {
        return (
            Verdict::Bad,
            "every rule is switched off".to_owned(),
            Some(
                "switch the rule on: until then no copy is made, and none is made later of what came meanwhile",
            ),
        );
    }
    (Verdict::Good, format!("in {}", places.join(", ")), None)
}

fn public(found: Option<Option<PublicAccessBlockConfiguration>>) -> Judged {
    let block = found.flatten();
    let doors = block.map_or([false; 4], |it| {
        [
            it.block_public_acls,
            it.ignore_public_acls,
            it.block_public_policy,
            it.restrict_public_buckets,
        ]
        .map(Option::unwrap_or_default)
    });
    match doors.iter().filter(|it| **it).count() {
        4 => (Verdict::Good, "is blocked".to_owned(), None),
        n => (
            Verdict::Bad,
            format!("{n} of 4 blocks are set: a wrong policy makes it public"),
            Some("block all public access: module `bucket` does"),
        ),
    }
}

fn events(found: Option<Told>) -> Judged {
    let Some(told) = found else { return (Verdict::Unknown, "not told".to_owned(), None) };
    let queues = told.queue_configurations().iter().map(QueueConfiguration::queue_arn);
    let topics = told.topic_configurations().iter().map(TopicConfiguration::topic_arn);
    let functions = told.lambda_function_configurations();
    let functions = functions.iter().map(LambdaFunctionConfiguration::lambda_function_arn);
    let bus = told.event_bridge_configuration().map(|_| "EventBridge");
    let places: Vec<&str> = queues.chain(topics).chain(functions).chain(bus).collect();
    match places.is_empty() {
        false => (Verdict::Good, format!("go to {}", places.join(", ")), None),
        true => (
            Verdict::Unknown,
            "nobody is told of new objects".to_owned(),
            Some("right for a bucket that nothing waits for, else have it tell a queue"),
        ),
    }
}
