//! An account of its own for each test, at the peer that stands for AWS.

#![expect(clippy::expect_used, reason = "a test's account fails by panicking")]

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::config::{Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use shared::config::Env;
use shared::ports::{Random, SystemRandom};
use url::Url;

use crate::account::{Account, within_limits};
use crate::sqs::QueueAddress;

/// Opens an account whose AWS is at `url`, such as a server that fails as it is told, with the secret
/// key `key`.
pub async fn account_at(url: &str, key: &str) -> Account {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("AKIDTEST", key, None, None, "test"));
    Account::of(within_limits(config).load().await)
}

/// What peers lack that AWS has. A test that meets a gap checks that it is still one.
const GAPS: [(&str, &str); 4] = [
    ("localemu", "counts that begin anew when a message is moved"),
    // Nor does AWS promise it of a standard queue.
    ("localemu", "receipts that expire"),
    ("ministack", "tasks that move messages"),
    ("moto", "tasks that move messages"),
];

/// An account of the AWS that `MOODBRIDGE_TEST_AWS` names.
#[derive(Debug)]
pub struct TestAccount {
    /// What the adapters take.
    pub account: Account,
    /// Which peer stands for AWS, such as `ministack`.
    pub peer: String,
}

impl TestAccount {
    /// Tells whether this peer lacks `what`, loudly when it does.
    pub fn lacks(&self, what: &str) -> bool {
        let lacks = GAPS.contains(&(self.peer.as_str(), what));
        if lacks {
            eprintln!("gap: {} lacks {what}", self.peer);
        }
        lacks
    }

    /// Opens an empty account, or says loudly that the test is skipped: no peer is there.
    ///
    /// `scripts/with-aws COMMAND` starts one while it runs the command.
    ///
    /// # Panics
    ///
    /// When no peer is there and `MOODBRIDGE_REQUIRE` names `aws`.
    pub async fn open() -> Option<Self> {
        let env = Env::of_process();
        let is_there = env.get("AWS_ENDPOINT_URL").is_some_and(|it| !it.is_empty());
        let peer = env.get("MOODBRIDGE_TEST_AWS").unwrap_or_default().to_owned();
        if !is_there && peer != "real" {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "aws");
            assert!(!is_required, "AWS is required: run this by `scripts/with-aws`");
            eprintln!("SKIPPED: no AWS; `scripts/with-aws COMMAND` starts a peer");
            return None;
        }
        if peer == "real" {
            return Some(Self { account: Account::of_environment().await, peer });
        }
        // The peers keep an account for each access key that looks like an account's number.
        let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
        let credentials = Credentials::new(number, "test", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest());
        let config = config.credentials_provider(credentials).load().await;
        Some(Self { account: Account::of(config), peer })
    }

    /// Makes a queue with a queue of dead letters behind it.
    ///
    /// # Panics
    ///
    /// When the peer does not make it.
    pub async fn queue(&self, max_attempts: u32, is_fifo: bool) -> QueueAddress {
        let client = aws_sdk_sqs::Client::new(self.account.config());
        let name = format!("test-{:032x}", SystemRandom.bits());
        let suffix = if is_fifo { ".fifo" } else { "" };
        let mut made = Vec::new();
        let mut policy = None;
        for part in ["-dead", ""] {
            let create = client.create_queue().queue_name(format!("{name}{part}{suffix}"));
            let fifo = is_fifo.then(|| (QueueAttributeName::FifoQueue, "true".to_owned()));
            let redrive = policy.take().map(|it| (QueueAttributeName::RedrivePolicy, it));
            let attributes = fifo.into_iter().chain(redrive).collect();
            let queue = create.set_attributes(Some(attributes)).send().await.expect("a queue");
            let url = queue.queue_url.expect("its address");
            let arn = QueueAttributeName::QueueArn;
            let read = client.get_queue_attributes().queue_url(&url).attribute_names(arn.clone());
            let read = read.send().await.expect("its attributes");
            let arn = read.attributes().and_then(|it| it.get(&arn)).expect("its ARN").clone();
            policy = Some(format!(
                r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{max_attempts}"}}"#
            ));
            made.push(url);
        }
        let url = made.pop().expect("an address");
        let (_, rest) = url.split_once("://").expect("an address");
        let url = Url::parse(&format!("sqs://{rest}")).expect("an address");
        QueueAddress::of(&url).expect("an address")
    }

    /// Makes a topic with two queues that listen to it by raw delivery: one to all, one to the messages
    /// whose attribute of this name has this value. Returns the topic's ARN.
    ///
    /// # Panics
    ///
    /// When the peer does not make them.
    pub async fn topic(
        &self,
        is_fifo: bool,
        (name, value): (&str, &str),
    ) -> (String, QueueAddress, QueueAddress) {
        let topics = aws_sdk_sns::Client::new(self.account.config());
        let queues = aws_sdk_sqs::Client::new(self.account.config());
        let suffix = if is_fifo { ".fifo" } else { "" };
        let create =
            topics.create_topic().name(format!("test-{:032x}{suffix}", SystemRandom.bits()));
        let fifo = is_fifo.then(|| ("FifoTopic".to_owned(), "true".to_owned()));
        let create = create.set_attributes(fifo.map(|it| [it].into()));
        let topic = create.send().await.expect("a topic").topic_arn.expect("its ARN");
        let (all, some) = (self.queue(3, is_fifo).await, self.queue(3, is_fifo).await);
        let filter = format!(r#"{{"{name}":["{value}"]}}"#);
        for (queue, filter) in [(&all, None), (&some, Some(filter))] {
            let arn = QueueAttributeName::QueueArn;
            let read = queues.get_queue_attributes().queue_url(queue.url());
            let read = read.attribute_names(arn.clone()).send().await.expect("its attributes");
            let arn = read.attributes().and_then(|it| it.get(&arn)).expect("its ARN").clone();
            let policy = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sqs:SendMessage",
                "Principal":{{"Service":"sns.amazonaws.com"}},"Resource":"{arn}",
                "Condition":{{"ArnEquals":{{"aws:SourceArn":"{topic}"}}}}}}]}}"#
            );
            let allow = queues.set_queue_attributes().queue_url(queue.url());
            let allow = allow.attributes(QueueAttributeName::Policy, policy);
            allow.send().await.expect("a policy");
            let listen = topics.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn);
            let listen = listen.attributes("RawMessageDelivery", "true");
            let listen = match filter {
                Some(filter) => listen.attributes("FilterPolicy", filter),
                None => listen,
            };
            listen.send().await.expect("a subscription");
        }
        (topic, all, some)
    }

    /// Makes a table with these keys, texts all, and returns its name.
    ///
    /// # Panics
    ///
    /// When the peer does not make it.
    pub async fn table(&self, keys: &[&str]) -> String {
        let client = aws_sdk_dynamodb::Client::new(self.account.config());
        let name = format!("test-{:032x}", SystemRandom.bits());
        let mut create = client.create_table().table_name(&name);
        for (key, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let attribute = AttributeDefinition::builder()
                .attribute_name(*key)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .expect("a whole attribute");
            let key = KeySchemaElement::builder().attribute_name(*key).key_type(kind).build();
            create = create.attribute_definitions(attribute).key_schema(key.expect("a whole key"));
        }
        create.billing_mode(BillingMode::PayPerRequest).send().await.expect("a table");
        name
    }

    /// Returns what an adapter that is no part of the SDK reads from the environment for this account.
    ///
    /// # Panics
    ///
    /// When the account has no credentials.
    pub async fn env(&self) -> Env {
        use aws_sdk_sqs::config::ProvideCredentials as _;
        let config = self.account.config();
        let credentials = config.credentials_provider().expect("credentials");
        let credentials = credentials.provide_credentials().await.expect("credentials");
        let region = config.region().expect("a region").as_ref();
        let pairs = [
            ("AWS_REGION", Some(region)),
            ("AWS_ENDPOINT_URL", config.endpoint_url()),
            ("AWS_ACCESS_KEY_ID", Some(credentials.access_key_id())),
            ("AWS_SECRET_ACCESS_KEY", Some(credentials.secret_access_key())),
            ("AWS_SESSION_TOKEN", credentials.session_token()),
        ];
        Env::from_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }

    /// Makes a secret and returns its name.
    ///
    /// # Panics
    ///
    /// When the peer does not make it.
    pub async fn secret(&self, text: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(self.account.config());
        let name = format!("test/{:032x}", SystemRandom.bits());
        client.create_secret().name(&name).secret_string(text).send().await.expect("a secret");
        name
    }
}
