//! Good and bad buckets, at the peer that stands for AWS.

use adapter_aws_control::{BucketFinding, Buckets};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus,
    EventBridgeConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, NotificationConfiguration, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, VersioningConfiguration,
};
use shared::platform::Verdict;
use shared::ports::{Random as _, SystemRandom};

use crate::account;

async fn bucket(client: &Client) -> String {
    let name = format!("test-{:032x}", SystemRandom.bits());
    client.create_bucket().bucket(&name).send().await.unwrap();
    name
}

fn verdicts(findings: &[BucketFinding]) -> Vec<(&'static str, Verdict)> {
    findings.iter().map(|it| (it.aspect, it.verdict)).collect()
}

async fn keep_well(client: &Client, name: &str) {
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let set = client.put_bucket_versioning().bucket(name).versioning_configuration(on);
    set.send().await.unwrap();

    let kms = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id("arn:aws:kms:us-east-1:123456789012:key/k")
        .build()
        .unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(kms);
    let all = ServerSideEncryptionConfiguration::builder().rules(rule.build()).build().unwrap();
    let set = client.put_bucket_encryption().bucket(name);
    set.server_side_encryption_configuration(all).send().await.unwrap();

    let uploads = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
    let versions = NoncurrentVersionExpiration::builder().noncurrent_days(90).build();
    let rule = LifecycleRule::builder()
        .id("ends")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(uploads)
        .noncurrent_version_expiration(versions);
    let all = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let set = client.put_bucket_lifecycle_configuration().bucket(name);
    set.lifecycle_configuration(all.build().unwrap()).send().await.unwrap();

    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true);
    let set = client.put_public_access_block().bucket(name);
    set.public_access_block_configuration(block.build()).send().await.unwrap();

    let bus = EventBridgeConfiguration::builder().build();
    let all = NotificationConfiguration::builder().event_bridge_configuration(bus).build();
    let set = client.put_bucket_notification_configuration().bucket(name);
    set.notification_configuration(all).send().await.unwrap();
}

#[tokio::test]
async fn bucket_that_is_well_kept_has_nothing_bad_and_a_bare_one_says_what_to_do() {
    let Some(config) = account::open().await else { return };
    let client = Client::from_conf(Builder::from(&config).force_path_style(true).build());
    let (good, bare) = (bucket(&client).await, bucket(&client).await);
    keep_well(&client, &good).await;
    let buckets = Buckets::of(&config);

    let found = buckets.examine(&good).await;
    assert_eq!(
        verdicts(&found),
        [
            ("encryption", Verdict::Good),
            ("versions", Verdict::Good),
            ("lifecycle", Verdict::Good),
            ("copies", Verdict::Warning),
            ("public access", Verdict::Good),
            ("events", Verdict::Good),
        ],
        "{found:#?}"
    );

    let found = buckets.examine(&bare).await;
    for (aspect, worst) in [
        ("versions", Verdict::Bad),
        ("lifecycle", Verdict::Warning),
        ("copies", Verdict::Warning),
        ("public access", Verdict::Bad),
        ("events", Verdict::Unknown),
    ] {
        let one = found.iter().find(|it| it.aspect == aspect).unwrap();
        assert_eq!(one.verdict, worst, "{found:#?}");
        assert!(one.fix.is_some(), "{one:?}");
    }
}

#[tokio::test]
async fn bucket_that_is_not_there_is_one_finding() {
    let Some(config) = account::open().await else { return };
    let found = Buckets::of(&config).examine("no-such-bucket-anywhere").await;
    assert_eq!(verdicts(&found), [("bucket", Verdict::Bad)], "{found:#?}");
}
