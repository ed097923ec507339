//! The API over the case store and the queue that a laptop runs on.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use shared::config::Env;
use shared::ids::ConnectionId;
use shared::model::{Entity, FieldValue, Fields};
use shared::platform::description_of;
use shared::ports::case_store_contract::sample_write;
use shared::ports::{
    CaseStore, Documents, MatterImport, NewMessage, Outbox, Queue, ReconcileJournal, SystemClock,
    SystemRandom, Walls,
};
use shared::sync::Mappings;
use shared::sync::testing::salesforce_mappings;
use tower::ServiceExt;
use url::Url;
use wiring::BlobAddress;

use super::document::{assert_answer, document};
use super::get;
use crate::testing::{TestDesk, book};
use crate::{Api, CostTerms, Ports, TwoWay, router};

pub(super) struct Laptop {
    pub(super) store: Arc<dyn CaseStore>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) comparisons: Arc<dyn ReconcileJournal>,
    pub(super) imports: Arc<dyn MatterImport>,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) documents: Arc<dyn Documents>,
    pub(super) walls: Arc<dyn Walls>,
    pub(super) routes: Router,
    _folder: tempfile::TempDir,
}

impl Laptop {
    pub(super) async fn open() -> Self {
        let main = ConnectionId::parse("main").unwrap();
        Self::open_with(&[main], salesforce_mappings()).await
    }

    /// Opens it with `connections` that all are mapped by `mappings`.
    pub(super) async fn open_with(connections: &[ConnectionId], mappings: Mappings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |file: &str| Url::parse(&format!("sqlite:{}", folder.path().join(file).display()));
        let address = at("cases.db").unwrap();
        wiring::migrate(&address).await.unwrap();
        let stores = wiring::case_store(&address).await.unwrap();
        let queue = wiring::queue(&at("queue.db?queue=events").unwrap()).await.unwrap();
        let bytes = BlobAddress::Folder(folder.path().join("documents"));
        let api = Api::new(Ports {
            view: stores.view,
            documents: Arc::clone(&stores.documents),
            document_bytes: Some(wiring::blobs(&bytes, &Env::default()).unwrap()),
            tally: stores.tally,
            incidents: stores.incidents,
            audit: stores.audit,
            feed: stores.feed,
            journal: stores.journal,
            ledger: stores.ledger,
            queues: vec![Arc::clone(&queue)],
            authenticator: Arc::new(TestDesk),
            walls: Arc::clone(&stores.walls),
            pipelines: None,
            reports: None,
            costs: stores.costs,
            cost_terms: Arc::new(CostTerms::of(&Default::default()).unwrap()),
            settings: Arc::new(book().await),
            platforms: wiring::platforms().iter().map(|it| description_of(&**it)).collect(),
            two_way: TwoWay {
                store: Arc::clone(&stores.store),
                outbox: Arc::clone(&stores.outbox),
                conflicts: stores.conflicts,
                comparisons: Arc::clone(&stores.comparisons),
                mappings: connections.iter().map(|it| (it.clone(), mappings.clone())).collect(),
                random: Arc::new(SystemRandom),
            },
            queries: None,
            clock: Arc::new(SystemClock),
        });
        let documents = stores.documents;
        let (walls, outbox, comparisons) = (stores.walls, stores.outbox, stores.comparisons);
        let (store, imports, routes) = (stores.store, stores.imports, router(Arc::new(api)));
        Self {
            store,
            outbox,
            comparisons,
            imports,
            queue,
            documents,
            walls,
            routes,
            _folder: folder,
        }
    }

    async fn add_cases(&self, numbers: std::ops::Range<u32>) {
        let writes = numbers.map(|number| {
            let row = Fields::from([
                // As long as a subject may be at Salesforce.
                ("title".to_owned(), FieldValue::text(&format!("Doe v. Roe {number:0>244}"))),
                ("status".to_owned(), FieldValue::text("Active")),
                ("is_closed".to_owned(), FieldValue::Bool(false)),
            ]);
            self.store.apply(sample_write(Entity::Case, number, row))
        });
        futures_util::future::try_join_all(writes).await.unwrap();
    }
}

#[tokio::test]
async fn paging_over_the_store_shows_every_case_once_and_refuses_a_forged_cursor() {
    let laptop = Laptop::open().await;
    laptop.add_cases(0..45).await;
    let document = document().await;

    let mut seen = std::collections::BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/cases?sort=title_asc&limit=20{cursor}");
        let page = get(&laptop.routes, &path).await;
        assert_answer(&document, "get", "/v1/cases", &page);
        for item in page.body["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('+', "%2B")),
            None => break,
        }
    }
    assert_eq!(seen.len(), 45);

    let forged = get(&laptop.routes, "/v1/cases?cursor=forged").await;
    assert_eq!(forged.faults()[0].0, "cursor");
}

#[tokio::test]
async fn every_answer_over_the_store_is_valid_by_its_schema() {
    let laptop = Laptop::open().await;
    laptop.add_cases(0..3).await;
    let body = "x".to_owned();
    laptop.queue.send(vec![NewMessage { body, ..NewMessage::default() }]).await.unwrap();
    let delivered = laptop
        .queue
        .receive(std::num::NonZeroU32::MIN, Duration::from_secs(30), Duration::ZERO)
        .await
        .unwrap();
    laptop.queue.bury(&delivered[0], "no mapping").await.unwrap();
    let document = document().await;

    let cases = get(&laptop.routes, "/v1/cases").await;
    let id = cases.body["items"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/v1/overview",
        "/v1/cases",
        "/v1/cases/{id}",
        "/v1/cases/{id}/audit",
        "/v1/audit",
        "/v1/integrations",
        "/v1/sync-runs",
        "/v1/queues",
        "/v1/queues/{queue}/dead-letters",
    ] {
        let asked = path.replace("{id}", &id).replace("{queue}", "events");
        let answer = get(&laptop.routes, &asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        assert_answer(&document, "get", path, &answer);
    }
    let overview = get(&laptop.routes, "/v1/overview").await.body;
    assert_eq!((&overview["n_cases"], &overview["queues"][0]["n_dead"]), (&3.into(), &1.into()));
}

#[tokio::test]
async fn a_commit_reaches_a_client_that_follows() {
    let laptop = Laptop::open().await;
    laptop.add_cases(0..2).await;
    let request = Request::get("/v1/changes?after=0")
        .header("authorization", "Bearer chair.admin")
        .body(Body::empty())
        .unwrap();
    let mut body = laptop.routes.clone().oneshot(request).await.unwrap().into_body();

    let mut text = String::new();
    let mut n_written = 2;
    while text.matches("event: change\n").count() < 4 {
        let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
        let chunk = frame.expect("a change in time").unwrap().unwrap().into_data().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        if n_written == 2 && text.contains("event: change") {
            laptop.add_cases(2..4).await;
            n_written = 4;
        }
    }
    assert!(text.contains("\"label\":"), "{text}");
}
