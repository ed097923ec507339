//! A bucket of its own for each test.

use std::sync::Arc;

use adapter_objects::BlobAddress;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use shared::config::Env;
use shared::ports::{BlobStore, Random as _, SystemClock, SystemRandom};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

/// A bucket of the peer that `MOODBRIDGE_TEST_AWS` names.
pub(super) struct TestBucket {
    pub(super) name: String,
    pub(super) client: Client,
    pub(super) env: Env,
}

impl TestBucket {
    /// Makes an empty bucket in an account of its own, or says loudly that the test is skipped.
    pub(super) async fn open() -> Option<Self> {
        let env = Env::of_process();
        let Some(endpoint) = env.get("AWS_ENDPOINT_URL").filter(|it| !it.is_empty()) else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "aws");
            assert!(!is_required, "AWS is required: run this by `scripts/with-aws`");
            eprintln!("SKIPPED: no AWS; `scripts/with-aws COMMAND` starts a peer");
            return None;
        };
        // The peers keep an account for each access key that looks like an account's number.
        let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
        let name = format!("test-{:032x}", SystemRandom.bits());
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(&number, "test", None, None, "test"))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .build();
        let client = Client::from_conf(config);
        client.create_bucket().bucket(&name).send().await.unwrap();
        let env = Env::from_pairs([
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &number),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]);
        Some(Self { name, client, env })
    }

    /// Opens the store in it behind somebody who passes the first request on and keeps its answer.
    pub(super) async fn store_that_loses_an_answer(&self) -> Arc<dyn BlobStore> {
        let endpoint = swallowing(self.env.get("AWS_ENDPOINT_URL").unwrap()).await;
        let vars = self.env.starting_with("AWS_").map(|(name, value)| match name {
            "AWS_ENDPOINT_URL" => (name, endpoint.as_str()),
            _ => (name, value),
        });
        let address = BlobAddress::parse(&format!("s3://{}", self.name)).unwrap();
        let env = Env::from_pairs(vars);
        address.open(&env, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
    }

    /// Opens the store in it; `rest` is what stands behind the bucket in its address.
    pub(super) fn store(&self, rest: &str) -> Arc<dyn BlobStore> {
        let address = BlobAddress::parse(&format!("s3://{}{rest}", self.name)).unwrap();
        address.open(&self.env, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
    }
}

async fn swallowing(endpoint: &str) -> String {
    let upstream = endpoint.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(&upstream).await.unwrap();
        let (mut from_client, _) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let mut answer = [0; 1];
        tokio::select! {
            _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
            _ = from_server.read(&mut answer) => {}
        }
        drop(client);
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}
