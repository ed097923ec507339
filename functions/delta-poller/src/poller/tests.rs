//! The poller against an org in memory that crashes, lags, loses its marks and gives equal stamps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize};

use proptest::prelude::*;
use shared::PortErrorKind;
use shared::ids::RecordId;
use shared::model::{Change, ChangeEvent, Entity, FieldValue, Fields};
use shared::ports::{
    DeadLetter, Delivery, DeltaPage, DeltaQuery, LedgerEntry, MemoryLedger, NewMessage, PageOrder,
    QueueDepth, RemoteRecord, ReplaySelection, SchemaReader, SendOutcome, SystemRandom,
};
use shared::sync::{Cursor, FieldKind, FieldMapping, ObjectMapping, RemoteObject};

use super::*;

const START: i64 = 1_780_000_000;

fn refused(kind: PortErrorKind) -> PortError {
    PortError::new(kind, "memory", "test", "test")
}

/// Ends a process after so many steps: from then on nothing works.
#[derive(Default)]
struct Fuse(Mutex<Option<u32>>);

impl Fuse {
    fn set(&self, n_steps: Option<u32>) {
        *self.0.lock().unwrap() = n_steps;
    }

    fn burn(&self) -> Result<(), PortError> {
        match &mut *self.0.lock().unwrap() {
            None => Ok(()),
            Some(0) => Err(refused(PortErrorKind::Unavailable)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// An org, a queue, a ledger and a journal, all behind one fuse.
#[derive(Default)]
struct World {
    fuse: Fuse,
    now: AtomicI64,
    page: AtomicUsize,
    /// How many seconds a page takes to be read.
    page_takes: AtomicI64,
    records: Mutex<HashMap<String, BTreeMap<String, RemoteRecord>>>,
    uncommitted: Mutex<Vec<(i64, String, RemoteRecord)>>,
    marks: Mutex<HashMap<String, Vec<RemoteRecord>>>,
    broken: Mutex<BTreeMap<String, PortErrorKind>>,
    is_down: AtomicBool,
    depth: AtomicU64,
    keys: Mutex<BTreeSet<String>>,
    events: Mutex<Vec<ChangeEvent>>,
    largest_batch: AtomicUsize,
    /// Pages come by version, or with the newest records first.
    order: Mutex<PageOrder>,
    ledger: MemoryLedger,
    runs: Mutex<Vec<SyncRun>>,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn record(id: usize, seconds: i64, subject: &str, is_deleted: bool) -> RemoteRecord {
    RemoteRecord {
        record_id: RecordId::parse(format!("500{id:015}")).unwrap(),
        version: at(seconds),
        is_deleted,
        fields: Fields::from([("Subject", FieldValue::text(subject))]),
        unread: Vec::new(),
    }
}

impl World {
    fn new() -> Arc<Self> {
        let world = Self::default();
        world.now.store(START, Ordering::SeqCst);
        world.page.store(200, Ordering::SeqCst);
        Arc::new(world)
    }

    fn seconds(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    fn forward(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    fn put(&self, object: &str, record: RemoteRecord) {
        let mut records = self.records.lock().unwrap();
        let of_object = records.entry(object.to_owned()).or_default();
        of_object.insert(record.record_id.to_string(), record);
    }

    fn commit(&self) {
        let now = self.seconds();
        let mut uncommitted = self.uncommitted.lock().unwrap();
        for (_, object, record) in uncommitted.extract_if(.., |it| it.0 <= now) {
            self.put(&object, record);
        }
    }

    fn cut(&self, mut records: Vec<RemoteRecord>) -> DeltaPage {
        self.forward(self.page_takes.load(Ordering::SeqCst));
        let order = *self.order.lock().unwrap();
        if order == PageOrder::Other {
            records.sort_by_key(|it| std::cmp::Reverse(it.version));
        }
        let rest = records.split_off(records.len().min(self.page.load(Ordering::SeqCst)));
        if rest.is_empty() {
            return DeltaPage { records, next: None, order };
        }
        let mut marks = self.marks.lock().unwrap();
        let mark = format!("mark-{}", marks.len());
        marks.insert(mark.clone(), rest);
        DeltaPage { records, next: Some(mark), order }
    }

    fn poller(self: &Arc<Self>, objects: &[&str]) -> Poller {
        let fields = vec!["Subject".to_owned()];
        let objects =
            objects.iter().map(|it| (ObjectName::parse(*it).unwrap(), fields.clone())).collect();
        let ports = PollerPorts {
            queue: self.clone(),
            store: None,
            ledger: self.clone(),
            journal: self.clone(),
            clock: self.clone(),
            random: Arc::new(SystemRandom),
        };
        let settings = PollSettings { max_queue_depth: 1000, ..PollSettings::default() };
        let connection = ConnectionId::parse("main").unwrap();
        let source = Source {
            connection,
            platform: "salesforce",
            crm: self.clone(),
            objects,
            whole: None,
            described: None,
        };
        Poller::new(source, ports, settings)
    }

    /// Polls an org that describes its objects as `schema` does.
    async fn poll_described(self: &Arc<Self>, schema: Arc<dyn SchemaReader>) {
        let mut poller = self.poller(&["Case"]);
        let case = ObjectName::parse("Case").unwrap();
        let fields = vec![FieldMapping::reading("Subject", "title", FieldKind::Text)];
        let mapping = ObjectMapping::reading(case, Entity::Case, fields);
        let mappings = Mappings::new("salesforce", [mapping]);
        poller.source.described = Some(Described { schema, mappings });
        poller.poll().await.unwrap();
    }

    /// Runs one process until it is done or its fuse blows.
    async fn poll(self: &Arc<Self>, fuse: Option<u32>) -> Result<(), Failure> {
        self.fuse.set(fuse);
        let result = self.poller(&["Case"]).poll().await;
        self.fuse.set(None);
        result
    }

    fn queued(&self) -> BTreeSet<(String, Timestamp, bool)> {
        let events = self.events.lock().unwrap();
        let state = |it: &ChangeEvent| {
            (it.key.record_id.to_string(), it.version.unwrap(), it.change == Change::Delete)
        };
        events.iter().map(state).collect()
    }

    fn held(&self) -> BTreeSet<(String, Timestamp, bool)> {
        let records = self.records.lock().unwrap();
        let all = records.values().flat_map(BTreeMap::values);
        all.map(|it| (it.record_id.to_string(), it.version, it.is_deleted)).collect()
    }

    async fn cursor(&self) -> Cursor {
        let entry = self.ledger.get("cursor/main/Case").await.unwrap().unwrap();
        serde_json::from_str(&entry.value).unwrap()
    }

    async fn state(&self) -> ConnectionState {
        let entry = self.ledger.get("connection/main").await.unwrap().unwrap();
        serde_json::from_str(&entry.value).unwrap()
    }

    fn last_run(&self) -> SyncRun {
        self.runs.lock().unwrap().last().unwrap().clone()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        at(self.seconds())
    }
}

#[async_trait]
impl Crm for World {
    async fn read(
        &self,
        _object: &ObjectName,
        _record_id: &RecordId,
        _fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError> {
        Ok(None)
    }

    async fn changes(&self, query: &DeltaQuery) -> Result<DeltaPage, PortError> {
        self.fuse.burn()?;
        if let Some(kind) = self.broken.lock().unwrap().get(query.object.as_str()) {
            return Err(refused(*kind).with_source("no such column `Court__c`"));
        }
        self.commit();
        let records = self.records.lock().unwrap();
        let is_wanted = |it: &&RemoteRecord| {
            it.version >= query.from
                && it.version < query.until
                && (it.version > query.from
                    || query.after_id.as_ref().is_none_or(|after| it.record_id > *after))
        };
        let all = records.get(query.object.as_str()).into_iter().flat_map(BTreeMap::values);
        let mut found: Vec<_> = all.filter(is_wanted).cloned().collect();
        found.sort_by(|a, b| (a.version, &a.record_id).cmp(&(b.version, &b.record_id)));
        drop(records);
        Ok(self.cut(found))
    }

    async fn more_changes(&self, _query: &DeltaQuery, next: &str) -> Result<DeltaPage, PortError> {
        self.fuse.burn()?;
        let rest = self.marks.lock().unwrap().get(next).cloned();
        rest.map(|rest| self.cut(rest)).ok_or_else(|| refused(PortErrorKind::NotFound))
    }

    async fn health(&self) -> Result<Health, PortError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(refused(PortErrorKind::Unavailable));
        }
        Ok(Health { remote_now: self.now(), calls_left: Some(14_000) })
    }
}

#[async_trait]
impl Queue for World {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        self.fuse.burn()?;
        self.largest_batch.fetch_max(batch.len(), Ordering::SeqCst);
        let mut outcomes = Vec::new();
        for message in batch {
            if self.keys.lock().unwrap().insert(message.dedupe_key.unwrap()) {
                self.events.lock().unwrap().push(serde_json::from_str(&message.body).unwrap());
                outcomes.push(SendOutcome::Queued);
            } else {
                outcomes.push(SendOutcome::Duplicate);
            }
        }
        self.fuse.burn()?;
        Ok(outcomes)
    }

    async fn receive(
        &self,
        _max: NonZeroU32,
        _visibility: Duration,
        _wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        Ok(Vec::new())
    }

    async fn extend(&self, _delivery: &Delivery, _visibility: Duration) -> Result<(), PortError> {
        Ok(())
    }

    async fn ack(&self, _deliveries: &[Delivery]) -> Result<(), PortError> {
        Ok(())
    }

    async fn release(
        &self,
        _delivery: &Delivery,
        _delay: Duration,
        _reason: &str,
    ) -> Result<(), PortError> {
        Ok(())
    }

    async fn give_back(&self, _delivery: &Delivery, _delay: Duration) -> Result<(), PortError> {
        Ok(())
    }

    async fn bury(&self, _delivery: &Delivery, _reason: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        self.fuse.burn()?;
        let n_ready = self.depth.load(Ordering::SeqCst);
        Ok(QueueDepth { n_ready, ..QueueDepth::default() })
    }

    async fn dead_letters(
        &self,
        _after: Option<&str>,
        _limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        Ok(Vec::new())
    }

    async fn replay(&self, _selection: ReplaySelection) -> Result<u64, PortError> {
        Ok(0)
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        "events"
    }

    fn max_body_bytes(&self) -> usize {
        262_144
    }
}

#[async_trait]
impl Ledger for World {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        self.fuse.burn()?;
        self.ledger.get(name).await
    }

    async fn put(&self, name: &str, value: &str, expected: u64) -> Result<u64, PortError> {
        self.fuse.burn()?;
        let revision = self.ledger.put(name, value, expected).await?;
        self.fuse.burn()?;
        Ok(revision)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        self.ledger.list(prefix).await
    }
}

#[async_trait]
impl SyncJournal for World {
    async fn record(&self, run: &SyncRun) -> Result<(), PortError> {
        let mut runs = self.runs.lock().unwrap();
        runs.retain(|it| it.id != run.id);
        runs.push(run.clone());
        Ok(())
    }

    async fn recent(&self, _limit: u32) -> Result<Vec<SyncRun>, PortError> {
        Ok(self.runs.lock().unwrap().clone())
    }
}

#[tokio::test]
async fn first_run_queues_everything_and_the_next_only_what_is_new() {
    let world = World::new();
    for id in 0..450 {
        world.put("Case", record(id, 1000 + id as i64, "a", id % 7 == 0));
    }

    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
    assert_eq!(world.cursor().await, Cursor::resting(at(START + 1)));

    world.put("Case", record(3, START, "b", false));
    world.forward(60);
    world.poll(None).await.unwrap();
    assert!(world.queued().is_superset(&world.held()));
    let run = world.last_run();
    assert_eq!((run.n_read, run.n_queued, run.outcome), (1, 1, RunOutcome::Succeeded));
}

#[tokio::test]
async fn overlap_is_read_again_and_queued_once() {
    let world = World::new();
    (0..10).for_each(|id| world.put("Case", record(id, START - 10, "a", false)));
    world.poll(None).await.unwrap();
    world.forward(60);
    world.poll(None).await.unwrap();

    let run = world.last_run();
    assert_eq!((run.n_read, run.n_queued), (10, 0));
    assert_eq!(world.events.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn change_committed_after_its_stamp_was_passed_is_found_in_the_overlap() {
    let world = World::new();
    world.poll(None).await.unwrap();
    world.forward(60);
    world.poll(None).await.unwrap();
    world.put("Case", record(1, START - 200, "late", false));
    world.forward(60);
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn five_thousand_rows_of_one_stamp_survive_a_crash_at_every_step() {
    for steps in [9, 10, 11, 12, 13, 23, 57] {
        let world = World::new();
        for id in 0..5000 {
            world.put("Case", record(id, START - 1000, "same second", false));
        }
        let mut n_processes = 0;
        while world.poll(Some(steps)).await.is_err() || world.cursor().await.until.is_some() {
            n_processes += 1;
            assert!(n_processes < 100, "no progress with {steps} steps a process");
        }
        assert_eq!(world.queued(), world.held(), "{steps} steps a process");
        let n_read: u64 = world.runs.lock().unwrap().iter().map(|it| it.n_read).sum();
        assert!(
            n_read <= 5000 + 200 * n_processes,
            "{n_read} rows read in {n_processes} processes"
        );
        assert!(world.largest_batch.load(Ordering::SeqCst) <= 500);
    }
}

#[tokio::test]
async fn crash_inside_pages_of_another_order_loses_nothing() {
    let world = World::new();
    *world.order.lock().unwrap() = PageOrder::Other;
    (0..1000).for_each(|id| world.put("Case", record(id, START - 2000 + id as i64, "a", false)));
    for steps in [9, 12, 15, 18] {
        world.poll(Some(steps)).await.unwrap_err();
        assert!(world.queued().is_subset(&world.held()));
    }

    world.poll(None).await.unwrap();

    assert_eq!(world.queued(), world.held());
    assert_eq!(world.events.lock().unwrap().len(), 1000, "what was queued is not queued again");
}

#[tokio::test]
async fn expired_marks_of_another_order_begin_the_window_again() {
    let world = World::new();
    *world.order.lock().unwrap() = PageOrder::Other;
    (0..1000).for_each(|id| world.put("Case", record(id, START - 2000 + id as i64, "a", false)));
    world.poll(Some(12)).await.unwrap_err();
    world.marks.lock().unwrap().clear();

    world.poll(None).await.unwrap();

    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn expired_marks_lose_nothing() {
    let world = World::new();
    (0..1000).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    world.poll(Some(12)).await.unwrap_err();
    assert!(world.cursor().await.until.is_some(), "it was to crash inside the window");
    world.marks.lock().unwrap().clear();

    world.poll(None).await.unwrap();

    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn source_that_always_loses_its_marks_is_read_page_by_page() {
    let world = World::new();
    (0..1000).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    let poller = world.poller(&["Case"]);
    let polling = poller.poll();
    let losing = async {
        loop {
            world.marks.lock().unwrap().clear();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        result = polling => result.unwrap(),
        () = losing => {}
    }
    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn one_bad_object_does_not_stop_the_others() {
    let world = World::new();
    world.put("Case", record(1, START - 1000, "a", false));
    world.broken.lock().unwrap().insert("Account".into(), PortErrorKind::Rejected);

    let failure = world.poller(&["Account", "Case"]).poll().await.unwrap_err();

    assert!(failure.reason().contains("Court__c"), "{failure}");
    assert_eq!(world.queued().len(), 1);
    let state = world.state().await;
    assert_eq!(state.status, ConnectionStatus::Degraded);
    assert!(state.detail.unwrap().contains("`Account` was not read to its end"));
    let runs = world.runs.lock().unwrap().clone();
    let outcomes: Vec<_> = runs.iter().map(|it| (it.object.as_str(), it.outcome)).collect();
    assert_eq!(outcomes, [("Account", RunOutcome::Failed), ("Case", RunOutcome::Succeeded)]);
}

#[tokio::test]
async fn connection_that_is_down_keeps_when_it_last_worked() {
    let world = World::new();
    world.poll(None).await.unwrap();
    let state = world.state().await;
    assert_eq!(state.status, ConnectionStatus::Healthy);
    assert_eq!(state.calls_left, Some(14_000));

    world.forward(60);
    world.is_down.store(true, Ordering::SeqCst);
    world.poll(None).await.unwrap_err();

    let state = world.state().await;
    assert_eq!(state.status, ConnectionStatus::Down);
    assert_eq!((state.checked_at, state.last_success_at), (at(START + 60), Some(at(START))));
}

#[tokio::test]
async fn full_queue_pauses_the_reading_and_the_next_tick_goes_on() {
    let world = World::new();
    (0..600).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    world.poll(Some(12)).await.unwrap_err();
    let n_before = world.queued().len();
    assert!((1..600).contains(&n_before));

    world.depth.store(1001, Ordering::SeqCst);
    world.poll(None).await.unwrap();
    assert_eq!(world.queued().len(), n_before);
    assert!(world.last_run().error.unwrap().contains("1001 messages wait in `events`"));

    world.depth.store(0, Ordering::SeqCst);
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn run_whose_time_is_over_hands_back_and_the_next_goes_on() {
    let world = World::new();
    (0..600).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    world.page_takes.store(10, Ordering::SeqCst);

    world.poller(&["Case"]).poll_until(Some(at(START + 15))).await.unwrap();
    assert_eq!(world.queued().len(), 400);
    assert!(world.last_run().error.unwrap().contains("the time of the run was over"));
    let n_runs = world.runs.lock().unwrap().len();
    world.poller(&["Case"]).poll_until(Some(at(START))).await.unwrap();
    assert_eq!(world.runs.lock().unwrap().len(), n_runs, "nothing is begun too late");

    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
    assert_eq!(world.events.lock().unwrap().len(), 600);
}

#[tokio::test]
async fn new_ledger_queues_everything_again_whatever_the_queue_remembers() {
    let world = World::new();
    (0..10).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    world.poll(None).await.unwrap();

    let keys = world.keys.lock().unwrap().clone();
    let fresh = World::new();
    *fresh.keys.lock().unwrap() = keys;
    (0..10).for_each(|id| fresh.put("Case", record(id, START - 1000, "a", false)));
    fresh.poll(None).await.unwrap();

    assert_eq!(fresh.queued().len(), 10);
}

#[tokio::test]
async fn cursor_that_another_process_moved_is_left_to_it() {
    let world = World::new();
    (0..600).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    let (one, other) = (world.poller(&["Case"]), world.poller(&["Case"]));
    let _ = tokio::join!(one.poll(), other.poll());
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn cursor_that_cannot_be_read_is_reported_and_left_alone() {
    let world = World::new();
    world.ledger.put("cursor/main/Case", "yesterday", 0).await.unwrap();
    let failure = world.poll(None).await.unwrap_err();
    assert!(failure.reason().contains("`cursor/main/Case` in the ledger is not a cursor"));
    assert_eq!(world.ledger.get("cursor/main/Case").await.unwrap().unwrap().value, "yesterday");
}

#[tokio::test]
async fn second_that_is_not_over_yet_is_read_now_and_again() {
    let world = World::new();
    world.poll(None).await.unwrap();
    world.put("Case", record(1, START, "a", false));
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());

    world.put("Case", record(2, START, "b", false));
    world.forward(1);
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held(), "the rest of that second was missed");
}

#[tokio::test]
async fn without_an_overlap_a_second_is_read_once_it_is_over() {
    let world = World::new();
    let mut poller = world.poller(&["Case"]);
    poller.settings.overlap = Duration::from_millis(999);
    world.put("Case", record(1, START, "a", false));
    poller.poll().await.unwrap();
    assert!(world.queued().is_empty());

    world.forward(1);
    poller.poll().await.unwrap();
    assert_eq!(world.queued(), world.held());
}

#[tokio::test]
async fn first_full_read_is_marked_across_a_crash_and_later_reads_are_not() {
    let world = World::new();
    (0..600).for_each(|id| world.put("Case", record(id, START - 1000, "a", false)));
    world.poll(Some(12)).await.unwrap_err();
    world.poll(None).await.unwrap();
    assert_eq!(world.queued(), world.held());
    assert!(world.events.lock().unwrap().iter().all(|it| it.is_backfill));

    world.forward(60);
    world.put("Case", record(1, START + 30, "b", false));
    world.poll(None).await.unwrap();
    assert!(!world.events.lock().unwrap().last().unwrap().is_backfill);
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Write { id: usize, commits_after: i64, is_deleted: bool },
    ExpireMarks,
    Poll { fuse: Option<u32> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_i64..400).prop_map(Step::Wait),
        6 => (0_usize..30, prop_oneof![Just(0), 0_i64..300], any::<bool>()).prop_map(
            |(id, commits_after, is_deleted)| Step::Write { id, commits_after, is_deleted }
        ),
        1 => Just(Step::ExpireMarks),
        3 => proptest::option::of(0_u32..40).prop_map(|fuse| Step::Poll { fuse }),
    ]
}

fn play(world: &Arc<World>, step: &Step, number: usize) -> Option<Option<u32>> {
    match step {
        Step::Wait(seconds) => world.forward(*seconds),
        Step::ExpireMarks => world.marks.lock().unwrap().clear(),
        Step::Write { id, commits_after, is_deleted } => {
            let now = world.seconds();
            let record = record(*id, now, &number.to_string(), *is_deleted);
            world.commit();
            let mut uncommitted = world.uncommitted.lock().unwrap();
            // A row in an open transaction is locked for others.
            if !uncommitted.iter().any(|it| it.2.record_id == record.record_id) {
                uncommitted.push((now + commits_after, "Case".into(), record));
            }
        }
        Step::Poll { fuse } => return Some(*fuse),
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn windows_together_hold_every_change_whatever_crashes(
        steps in proptest::collection::vec(step(), 1..80),
        page in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = World::new();
        world.page.store(page, Ordering::SeqCst);
        runtime.block_on(async {
            for (number, step) in steps.iter().enumerate() {
                if let Some(fuse) = play(&world, step, number) {
                    let _ = world.poll(fuse).await;
                }
            }
            world.forward(300);
            world.commit();
            world.forward(1);
            world.poll(None).await.unwrap();
        });
        let (queued, held) = (world.queued(), world.held());
        let lost: Vec<_> = held.difference(&queued).collect();
        prop_assert!(lost.is_empty(), "lost {lost:?}");
    }
}

/// An org that tells no field of its objects, counts the questions, and can be made to fail or hang.
#[derive(Default)]
struct Describing {
    n_asked: AtomicUsize,
    fails: AtomicBool,
    hangs: AtomicBool,
}

#[async_trait]
impl SchemaReader for Describing {
    async fn describe(&self, object: &ObjectName) -> Result<RemoteObject, PortError> {
        self.n_asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(PortError::new(PortErrorKind::Denied, "org", "describe", object.as_str()));
        }
        Ok(RemoteObject { name: object.clone(), label: String::new(), fields: Vec::new() })
    }
}

#[tokio::test]
async fn broken_field_shows_in_the_state_and_is_looked_at_once_an_hour() {
    let world = World::new();
    let org = Arc::new(Describing::default());
    for _ in 0..3 {
        world.poll_described(org.clone()).await;
    }
    let state = world.state().await;
    assert_eq!(state.status, ConnectionStatus::Degraded);
    assert!(state.detail.is_some_and(|it| it.contains("`Subject` of `Case`")));
    assert_eq!(org.n_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn look_that_fails_or_hangs_keeps_nothing_from_being_read() {
    for fails in [true, false] {
        let world = World::new();
        let org = Describing { fails: fails.into(), hangs: (!fails).into(), ..Default::default() };
        world.poll_described(Arc::new(org)).await;
        assert_eq!(world.state().await.status, ConnectionStatus::Healthy);
        assert_eq!(world.last_run().outcome, RunOutcome::Succeeded);
    }
}
