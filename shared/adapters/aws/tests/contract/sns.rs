//! Topics on SNS, with queues on SQS that listen.

use std::sync::Arc;

use adapter_aws::testkit::TestAccount;
use adapter_aws::{SnsTopic, SqsQueue};
use shared::error::PortErrorKind;
use shared::ports::topic::{Publication, Topic as _};
use shared::ports::topic_contract::{FILTER, Fixture, Lacks, contract};
use url::Url;

async fn fixture(account: &TestAccount, is_fifo: bool) -> Fixture {
    let (arn, all, some) = account.topic(is_fifo, FILTER).await;
    let address = Url::parse(&format!("sns:{arn}")).unwrap();
    let queue = |address, name| Arc::new(SqsQueue::new(&account.account, address, name));
    Fixture {
        topic: Arc::new(SnsTopic::of(&account.account, &address).unwrap()),
        all: queue(all, "all"),
        some: queue(some, "some"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_topic_keeps_the_contract_but_for_order_and_keys() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks { memory_of_keys: true, order: true };
    contract(lacks, async || fixture(&account, false).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifo_topic_keeps_the_contract() {
    let Some(account) = TestAccount::open().await else { return };
    contract(Lacks::default(), async || fixture(&account, true).await).await;
}

#[tokio::test]
async fn topic_that_is_not_there_is_named() {
    let Some(account) = TestAccount::open().await else { return };
    let address = Url::parse("sns:arn:aws:sns:us-east-1:123456789012:nowhere").unwrap();
    let topic = SnsTopic::of(&account.account, &address).unwrap();
    let message = Publication { body: "x".to_owned(), ..Publication::default() };
    let error = topic.publish(vec![message]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", shared::chain(&error));
    assert!(error.to_string().contains("nowhere"), "{error}");
    for no in ["sns:changes", "sns:arn:aws:sqs:us-east-1:1:changes", "sns:arn:aws:sns:::changes"] {
        assert!(SnsTopic::of(&account.account, &Url::parse(no).unwrap()).is_none(), "{no}");
    }
}
