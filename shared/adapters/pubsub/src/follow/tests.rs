//! A made-up service that forgets, cuts, refuses and falls silent; and what a follower makes of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream;
use proptest::prelude::*;
use serde_json::json;
use shared::ids::{ConnectionId, ObjectName, SalesforceId, TopicName};
use shared::model::{Change, ChangeEvent};
use shared::ports::{
    ChangeBatch, ChangeStream as _, Clock, Extent, Ledger, LedgerEntry, MemoryLedger,
    RemoteSessions, SystemRandom, UnreadableEvent,
};
use shared::secret::Secret;
use shared::{PortErrorKind, chain};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::*;
use crate::messages::{
    ConsumerEvent, FetchRequest, FetchResponse, ProducerEvent, ReplayPreset, SchemaInfo,
};
use crate::settings::PubSubSettings;
use crate::stream::{PubSubPorts, PubSubStream};
use crate::testing::{encode, event, sample};
use crate::wire::Wire;

const NOON: i64 = 1_714_156_800_000;

/// A clock that goes with tokio's.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOON).plus(self.0.elapsed())
    }
}

/// What one stream does.
#[derive(Clone, Debug)]
enum Step {
    /// Sends so many events that the follower has not had.
    Send(usize),
    /// Sends a sign of life.
    Life,
    /// Waits.
    Wait(Duration),
    /// Answers with an error code and ends.
    Refuse(Code, &'static str),
    /// Sends all that was asked for at once, which is too long an answer for more than so many.
    SendAsked(i32),
    /// Sends nothing any more.
    Hang,
}

/// The service: events in a log, each with its place, and what each next stream does.
#[derive(Default)]
struct Service {
    /// The places of the events, never falling; several may share one.
    log: Mutex<Vec<u64>>,
    /// Places up to this one are forgotten.
    forgotten: Mutex<u64>,
    streams: Mutex<VecDeque<Vec<Step>>>,
    requests: Arc<Mutex<Vec<FetchRequest>>>,
    n_schemas: Mutex<u32>,
    /// Events whose bytes are none of their schema.
    garbage: Mutex<Vec<usize>>,
    /// The first answer to a question for a schema is another schema.
    mixes_up_schemas: Mutex<bool>,
    hung_up: Mutex<u32>,
}

fn place_of(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn consumer_event(number: usize, place: u64) -> ConsumerEvent {
    let payload = encode(
        &sample().schema,
        &event(|it| {
            it["ChangeEventHeader"]["transactionKey"] = json!(format!("event-{number}"));
        }),
    );
    let event =
        ProducerEvent { id: format!("{number}"), schema_id: "S1".into(), payload, headers: vec![] };
    ConsumerEvent { event: Some(event), replay_id: place.to_be_bytes().to_vec() }
}

fn refusal(code: Code, error_code: &str) -> Status {
    let mut trailers = MetadataMap::new();
    let value = format!("sfdc.platform.eventbus.grpc.{error_code}");
    trailers.insert("error-code", value.parse().unwrap());
    Status::with_metadata(code, "", trailers)
}

#[async_trait]
impl Wire for Arc<Service> {
    async fn subscribe(
        &self,
        _: &RemoteSession,
        mut requests: mpsc::Receiver<FetchRequest>,
    ) -> Result<Responses, Fault> {
        let first = requests.recv().await.unwrap();
        self.requests.lock().unwrap().push(first.clone());
        let forgotten = *self.forgotten.lock().unwrap();
        let after = match first.replay_preset() {
            ReplayPreset::Custom => place_of(&first.replay_id),
            ReplayPreset::Earliest => forgotten,
            ReplayPreset::Latest => panic!("the newest event is never asked for"),
        };
        if after < forgotten {
            let code = "subscription.fetch.replayid.validation.failed";
            return Err(Fault::of(&refusal(Code::InvalidArgument, code)));
        }
        let seen = Arc::clone(&self.requests);
        tokio::spawn(async move {
            while let Some(request) = requests.recv().await {
                seen.lock().unwrap().push(request);
            }
        });
        let log = self.log.lock().unwrap().clone();
        let rest = log.iter().copied().enumerate().filter(|(_, place)| *place > after);
        let mut events: VecDeque<_> = rest.map(|(idx, place)| consumer_event(idx, place)).collect();
        for event in events.iter_mut().filter_map(|it| it.event.as_mut()) {
            if self.garbage.lock().unwrap().contains(&event.id.parse().unwrap()) {
                event.payload = b"Doe".to_vec();
            }
        }
        let steps = self.streams.lock().unwrap().pop_front().unwrap_or_default();
        let newest = log.last().copied().unwrap_or(forgotten);
        Ok(stream::unfold(
            (VecDeque::from(steps), events),
            move |(mut steps, mut events)| async move {
                loop {
                    let response = match steps.pop_front()? {
                        Step::Send(n) => {
                            let n = n.min(events.len());
                            if n == 0 {
                                continue;
                            }
                            let events = events.drain(..n).collect();
                            Ok(FetchResponse { events, ..FetchResponse::default() })
                        }
                        Step::SendAsked(most) if first.num_requested > most => Err(Fault::of(
                            &Status::out_of_range("decoded message length too large"),
                        )),
                        Step::SendAsked(_) => {
                            let n = usize::try_from(first.num_requested).unwrap().min(events.len());
                            let events = events.drain(..n).collect();
                            Ok(FetchResponse { events, ..FetchResponse::default() })
                        }
                        Step::Life => {
                            let latest_replay_id = newest.to_be_bytes().to_vec();
                            Ok(FetchResponse { latest_replay_id, ..FetchResponse::default() })
                        }
                        Step::Wait(wait) => {
                            sleep(wait).await;
                            continue;
                        }
                        Step::Refuse(code, error_code) => {
                            Err(Fault::of(&refusal(code, error_code)))
                        }
                        Step::Hang => std::future::pending().await,
                    };
                    return Some((response, (steps, events)));
                }
            },
        )
        .boxed())
    }

    async fn schema(&self, _: &RemoteSession, id: &str) -> Result<SchemaInfo, Fault> {
        let mut n_schemas = self.n_schemas.lock().unwrap();
        *n_schemas += 1;
        let mut schema = sample().schema.clone();
        if *n_schemas == 1 && *self.mixes_up_schemas.lock().unwrap() {
            // The names of two fields of one kind are exchanged: everything can be read, wrongly.
            let fields = schema["fields"].as_array_mut().unwrap();
            let idx = |name: &str| fields.iter().position(|it| it["name"] == name).unwrap();
            let (stamp, created) = (idx("LastModifiedDate"), idx("CreatedDate"));
            fields.swap(stamp, created);
        }
        let schema_json = schema.to_string();
        Ok(SchemaInfo { schema_json, schema_id: id.to_owned(), rpc_id: String::new() })
    }

    async fn hang_up(&self) {
        *self.hung_up.lock().unwrap() += 1;
    }
}

/// Hands out a session and counts refusals.
#[derive(Default)]
struct Sessions {
    n_refused: Mutex<u32>,
}

#[async_trait]
impl RemoteSessions for Sessions {
    async fn session(&self) -> Result<RemoteSession, PortError> {
        Ok(RemoteSession {
            token: Secret::new("hunter2"),
            instance_url: "https://firm.my.salesforce.com".parse().unwrap(),
            organization_id: SalesforceId::parse("00D5f000000ABCD").unwrap(),
        })
    }

    fn refuse(&self, _: &RemoteSession) {
        *self.n_refused.lock().unwrap() += 1;
    }
}

/// Remembers what it was handed, and may fail a few times.
#[derive(Default)]
struct Sink {
    /// The numbers of the events, in the order in which they became durable.
    taken: Arc<Mutex<Vec<usize>>>,
    gaps: Mutex<Vec<Gap>>,
    n_failures: Mutex<u32>,
    unreadable: Mutex<Vec<UnreadableEvent>>,
    events: Mutex<Vec<ChangeEvent>>,
}

fn number(event_id: &str) -> usize {
    event_id.strip_prefix("event-").unwrap().split(':').next().unwrap().parse().unwrap()
}

#[async_trait]
impl ChangeSink for Sink {
    async fn take(&self, batch: &ChangeBatch) -> Result<(), PortError> {
        let mut n_failures = self.n_failures.lock().unwrap();
        if *n_failures > 0 {
            *n_failures -= 1;
            return Err(PortError::new(PortErrorKind::Unavailable, "test", "take", "batch"));
        }
        let numbers = batch.changes.iter().map(|it| number(&it.event.event_id));
        self.taken.lock().unwrap().extend(numbers);
        // What is set aside is durable too.
        let numbers = batch.unreadable.iter().map(|it| it.event_id.parse::<usize>().unwrap());
        self.taken.lock().unwrap().extend(numbers);
        self.unreadable.lock().unwrap().extend(batch.unreadable.clone());
        self.events.lock().unwrap().extend(batch.changes.iter().map(|it| it.event.clone()));
        Ok(())
    }

    async fn lost(&self, gap: &Gap) -> Result<(), PortError> {
        self.gaps.lock().unwrap().push(gap.clone());
        Ok(())
    }
}

/// A ledger that cries out when a place is kept ahead of what is durable.
struct Watched {
    ledger: MemoryLedger,
    service: Arc<Service>,
    taken: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Ledger for Watched {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        self.ledger.get(name).await
    }

    async fn put(&self, name: &str, value: &str, revision: u64) -> Result<u64, PortError> {
        let written: serde_json::Value = serde_json::from_str(value).unwrap();
        if let Some(digits) = written["replay_id"].as_str() {
            let place = u64::from_str_radix(digits, 16).unwrap();
            let forgotten = *self.service.forgotten.lock().unwrap();
            let taken = self.taken.lock().unwrap();
            for (idx, at) in self.service.log.lock().unwrap().iter().enumerate() {
                let is_due = *at <= place && *at > forgotten;
                assert!(!is_due || taken.contains(&idx), "{digits} is kept ahead of event {idx}");
            }
        }
        self.ledger.put(name, value, revision).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        self.ledger.list(prefix).await
    }
}

struct Bench {
    service: Arc<Service>,
    sink: Sink,
    sessions: Arc<Sessions>,
    ledger: Arc<Watched>,
    clock: Arc<Ticking>,
}

const TOPIC: &str = "/data/AccountChangeEvent";
const PLACE: &str = "replay/main/data/AccountChangeEvent";

impl Bench {
    /// A service with events at `places`, whose streams do as `streams` say.
    fn new(places: &[u64], streams: Vec<Vec<Step>>) -> Self {
        let service = Service { log: Mutex::new(places.to_vec()), ..Service::default() };
        *service.streams.lock().unwrap() = streams.into();
        let (service, sink) = (Arc::new(service), Sink::default());
        let ledger = Watched {
            ledger: MemoryLedger::default(),
            service: Arc::clone(&service),
            taken: Arc::clone(&sink.taken),
        };
        Self {
            service,
            sink,
            sessions: Arc::default(),
            ledger: Arc::new(ledger),
            clock: Arc::new(Ticking(Instant::now())),
        }
    }

    fn stream(&self) -> PubSubStream {
        let settings = PubSubSettings {
            connection: ConnectionId::parse("main").unwrap(),
            topics: vec![TopicName::parse(TOPIC).unwrap()],
            endpoint: None,
            no_event_after: None,
        };
        let ports = PubSubPorts {
            sessions: self.sessions.clone(),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        };
        PubSubStream::over(Box::new(Arc::clone(&self.service)), settings, ports)
    }

    /// Follows for so long.
    async fn follow_for(&self, time: Duration) {
        let stream = self.stream();
        let following = stream.follow(&self.sink, Extent::Endless);
        let _ = tokio::time::timeout(time, following).await;
    }

    /// Follows until nothing comes for 20 s, for at most `at_most`.
    async fn follow_until_quiet(&self, at_most: Duration) -> Result<(), PortError> {
        let extent = Extent::UntilQuiet { quiet: Duration::from_secs(20), at_most };
        self.stream().follow(&self.sink, extent).await
    }

    fn taken(&self) -> Vec<usize> {
        self.sink.taken.lock().unwrap().clone()
    }

    async fn place(&self) -> Option<u64> {
        let entry = self.ledger.get(PLACE).await.unwrap()?;
        let written: serde_json::Value = serde_json::from_str(&entry.value).unwrap();
        u64::from_str_radix(written["replay_id"].as_str()?, 16).ok()
    }

    async fn keep_place(&self, place: u64, at: Timestamp) {
        let revision = self.ledger.get(PLACE).await.unwrap().map_or(0, |it| it.revision);
        let value = json!({"replay_id": format!("{place:016x}"), "at": at}).to_string();
        self.ledger.ledger.put(PLACE, &value, revision).await.unwrap();
    }

    fn firsts(&self) -> Vec<FetchRequest> {
        let requests = self.service.requests.lock().unwrap();
        requests.iter().filter(|it| !it.topic_name.is_empty()).cloned().collect()
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn first_stream_begins_with_the_oldest_event_and_the_next_behind_the_last() {
    let bench = Bench::new(&[10, 20, 30], vec![vec![Step::Send(2), Step::Send(1)], vec![]]);

    bench.follow_until_quiet(HOUR).await.unwrap_err();

    assert_eq!(bench.taken(), [0, 1, 2]);
    let firsts = bench.firsts();
    assert_eq!(firsts[0].replay_preset(), ReplayPreset::Earliest);
    assert_eq!(firsts[0].num_requested, 100);
    assert_eq!(firsts[1].replay_preset(), ReplayPreset::Custom);
    // The last event may share its place with one that was cut off: it comes once more.
    assert_eq!(place_of(&firsts[1].replay_id), 20);
}

#[tokio::test(start_paused = true)]
async fn bounded_run_ends_when_it_is_quiet_with_every_place_kept() {
    let bench = Bench::new(&[10, 20, 30], vec![vec![Step::Send(3), Step::Hang]]);
    let begun = Instant::now();

    bench.follow_until_quiet(HOUR).await.unwrap();

    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!((bench.taken(), bench.place().await), (vec![0, 1, 2], Some(30)));
    assert_eq!(bench.stream().health()[0].state, StreamState::Idle);
}

#[tokio::test(start_paused = true)]
async fn bounded_run_ends_in_time_however_much_still_comes() {
    let steps = vec![[Step::Send(1), Step::Wait(Duration::from_secs(1))]; 1000].concat();
    let places: Vec<u64> = (1..=1000).collect();
    let bench = Bench::new(&places, vec![steps]);
    let begun = Instant::now();

    bench.follow_until_quiet(Duration::from_secs(60)).await.unwrap();

    assert_eq!(begun.elapsed().as_secs(), 60);
    assert!(bench.place().await >= Some(58));
}

#[tokio::test(start_paused = true)]
async fn silence_of_five_minutes_ends_the_stream_and_the_connection() {
    let bench = Bench::new(&[10], vec![vec![Step::Hang], vec![Step::Send(1), Step::Hang]]);

    bench.follow_for(Duration::from_secs(299)).await;
    assert_eq!((bench.firsts().len(), *bench.service.hung_up.lock().unwrap()), (1, 0));

    let bench = Bench::new(&[10], vec![vec![Step::Hang], vec![Step::Send(1), Step::Hang]]);
    bench.follow_for(Duration::from_secs(303)).await;
    assert_eq!((bench.firsts().len(), *bench.service.hung_up.lock().unwrap()), (2, 1));
    assert_eq!(bench.taken(), [0]);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_keep_the_stream_and_move_the_place() {
    let life = [Step::Wait(Duration::from_secs(270)), Step::Life];
    let bench = Bench::new(&[10], vec![vec![life.as_slice(); 20].concat()]);
    *bench.service.forgotten.lock().unwrap() = 10;
    bench.keep_place(10, Timestamp::from_millis(NOON)).await;
    bench.service.log.lock().unwrap().push(15);
    *bench.service.forgotten.lock().unwrap() = 10;
    bench.sink.taken.lock().unwrap().push(1);

    bench.follow_for(Duration::from_secs(5390)).await;

    assert_eq!(bench.firsts().len(), 1);
    assert_eq!(bench.place().await, Some(15));
}

#[tokio::test(start_paused = true)]
async fn events_that_share_a_place_are_complete_before_it_is_kept() {
    // The ledger cries out when place 20 is kept before event 3.
    let late = [Step::Wait(Duration::from_secs(10)), Step::Send(1), Step::Hang];
    let streams = vec![
        vec![Step::Send(2), Step::Send(1)],
        [vec![Step::Send(2)], late.to_vec(), vec![]].concat(),
    ];
    let bench = Bench::new(&[10, 20, 20, 20], streams);

    bench.follow_for(Duration::from_secs(60)).await;

    assert_eq!(bench.taken(), [0, 1, 2, 1, 2, 3]);
    assert_eq!(bench.place().await, Some(10));
}

#[tokio::test(start_paused = true)]
async fn forgotten_place_is_told_as_a_gap_and_read_from_the_oldest_event() {
    let bench = Bench::new(&[10, 20, 30], vec![vec![Step::Send(9), Step::Hang]]);
    bench.keep_place(10, Timestamp::from_millis(NOON).minus(80 * HOUR)).await;
    *bench.service.forgotten.lock().unwrap() = 20;
    let stream = bench.stream();

    let following = stream.follow(&bench.sink, Extent::Endless);
    let _ = tokio::time::timeout(Duration::from_secs(30), following).await;

    assert_eq!(bench.taken(), [2]);
    let gaps = bench.sink.gaps.lock().unwrap().clone();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].object.as_ref().map(ObjectName::as_str), Some("Account"));
    assert_eq!(gaps[0].since, Timestamp::from_millis(NOON).minus(80 * HOUR + LATE_COMMITS));
    let presets: Vec<_> = bench.firsts().iter().map(FetchRequest::replay_preset).collect();
    assert_eq!(presets, [ReplayPreset::Custom, ReplayPreset::Earliest]);
    assert!(stream.health()[0].last_gap_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn entry_that_is_no_place_makes_everything_be_read_again() {
    let bench = Bench::new(&[10], vec![vec![Step::Send(1), Step::Hang]]);
    bench.ledger.ledger.put(PLACE, "{", 0).await.unwrap();

    bench.follow_until_quiet(HOUR).await.unwrap();

    let gaps = bench.sink.gaps.lock().unwrap().clone();
    assert_eq!((gaps.len(), gaps[0].since), (1, Timestamp::EPOCH));
    assert_eq!((bench.taken(), bench.place().await), (vec![0], Some(10)));
}

#[tokio::test(start_paused = true)]
async fn refused_token_is_replaced_at_once_and_the_stream_goes_on() {
    let streams = vec![
        vec![Step::Send(1), Step::Refuse(Code::Unauthenticated, "service.auth.error")],
        vec![Step::Send(9), Step::Hang],
    ];
    let bench = Bench::new(&[10, 20], streams);
    let begun = Instant::now();

    bench.follow_until_quiet(HOUR).await.unwrap();

    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(*bench.sessions.n_refused.lock().unwrap(), 1);
    assert_eq!(bench.taken(), [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn spent_allowance_means_staying_away_and_going_on_from_the_place() {
    let spent = Step::Refuse(Code::ResourceExhausted, "subscription.limit.exceeded");
    let streams =
        vec![vec![Step::Send(2), spent.clone()], vec![spent], vec![Step::Send(9), Step::Hang]];
    let bench = Bench::new(&[10, 20, 30], streams);
    let begun = Instant::now();
    let stream = bench.stream();

    {
        let following = stream.follow(&bench.sink, Extent::Endless);
        let _ = tokio::time::timeout(Duration::from_mins(4), following).await;
    }
    assert_eq!(bench.firsts().len(), 1, "it came back too soon");
    let told = stream.health()[0].state.clone();
    assert!(matches!(&told, StreamState::Waiting(why) if why.contains("allowance")), "{told:?}");
    bench.follow_for(Duration::from_hours(3)).await;

    assert!(begun.elapsed() >= Duration::from_mins(9));
    assert_eq!(bench.taken(), [0, 1, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn refused_topic_is_told_with_its_way_out_and_ends_a_bounded_run() {
    let refuse = Step::Refuse(Code::NotFound, "topic.not.found");
    let bench = Bench::new(&[], vec![vec![refuse]]);
    let stream = bench.stream();
    let extent =
        Extent::UntilQuiet { quiet: Duration::from_secs(1), at_most: Duration::from_mins(1) };

    let error = stream.follow(&bench.sink, extent).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert!(chain(&error).to_string().contains("topic.not.found"), "{}", chain(&error));
    let told = stream.health()[0].state.clone();
    assert!(
        matches!(&told, StreamState::Refused(why) if why.contains("events.topics")),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_not_taken_is_offered_again_and_nothing_more_is_asked_for() {
    let bench = Bench::new(&[10, 20], vec![vec![Step::Send(2), Step::Hang]]);
    *bench.sink.n_failures.lock().unwrap() = 5;

    bench.follow_for(Duration::from_mins(3)).await;

    assert_eq!((bench.taken(), bench.place().await), (vec![0, 1], Some(10)));
    assert_eq!(bench.firsts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn more_is_asked_for_before_all_has_come_and_never_more_than_a_hundred() {
    let places: Vec<u64> = (1..=300).collect();
    let steps = vec![[Step::Send(10), Step::Wait(Duration::from_millis(1))]; 30].concat();
    let bench = Bench::new(&places, vec![[steps, vec![Step::Hang]].concat()]);

    bench.follow_until_quiet(HOUR).await.unwrap();

    let asked: Vec<_> =
        bench.service.requests.lock().unwrap().iter().map(|it| it.num_requested).collect();
    assert_eq!(asked, [100, 50, 50, 50, 50, 50, 50]);
    assert_eq!(bench.taken().len(), 300);
    assert_eq!(*bench.service.n_schemas.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn event_that_cannot_be_read_is_set_aside_and_holds_nothing_up() {
    let bench = Bench::new(&[10, 20, 30, 40], vec![vec![Step::Send(4), Step::Hang]]);
    bench.service.garbage.lock().unwrap().extend([1, 2]);

    bench.follow_until_quiet(HOUR).await.unwrap();

    assert_eq!(bench.taken(), [0, 3, 1, 2]);
    assert_eq!(bench.place().await, Some(40));
    let unreadable = bench.sink.unreadable.lock().unwrap().clone();
    assert_eq!(unreadable.len(), 2);
    assert_eq!(
        (unreadable[0].schema_id.as_str(), unreadable[0].payload.as_slice()),
        ("S1", &b"Doe"[..])
    );
    assert_eq!(unreadable[0].replay_id, "0000000000000014");
    assert!(!unreadable[0].why.contains("Doe"), "{}", unreadable[0].why);
    // Known, then once more for the batch.
    assert_eq!(*bench.service.n_schemas.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn schema_that_was_mixed_up_is_noticed_and_fetched_anew() {
    let bench = Bench::new(&[10, 20], vec![vec![Step::Send(2), Step::Hang]]);
    *bench.service.mixes_up_schemas.lock().unwrap() = true;

    bench.follow_until_quiet(HOUR).await.unwrap();

    let events = bench.sink.events.lock().unwrap().clone();
    for event in &events {
        assert_eq!(event.change, Change::Upsert);
        assert!(event.fields.contains_key("LastModifiedDate"), "{:?}", event.fields);
    }
    assert_eq!((events.len(), *bench.service.n_schemas.lock().unwrap()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_too_long_to_take_is_asked_for_in_smaller_parts() {
    let places: Vec<u64> = (1..=20).collect();
    let stream = vec![Step::SendAsked(12), Step::Hang];
    let bench = Bench::new(&places, vec![stream; 9]);

    bench.follow_for(Duration::from_mins(4)).await;

    let asked: Vec<_> = bench.firsts().iter().map(|it| it.num_requested).collect();
    assert_eq!(asked, [100, 50, 25, 12]);
    assert_eq!(bench.taken().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn place_that_another_process_moved_makes_this_one_stand_by() {
    let wait = Step::Wait(Duration::from_secs(2));
    let streams = vec![vec![Step::Send(1), wait, Step::Send(1), Step::Hang], vec![Step::Hang]];
    let bench = Bench::new(&[10, 20], streams);
    let stream = bench.stream();
    let following = stream.follow(&bench.sink, Extent::Endless);
    let moved = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.keep_place(20, Timestamp::from_millis(NOON)).await;
    };

    let both = async { tokio::join!(following, moved) };
    let _ = tokio::time::timeout(Duration::from_secs(20), both).await;

    assert_eq!(bench.firsts().len(), 1);
    let told = stream.health()[0].state.clone();
    assert!(
        matches!(&told, StreamState::Waiting(why) if why.contains("another process")),
        "{told:?}"
    );
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1_usize..7).prop_map(Step::Send),
        1 => (1_u64..400).prop_map(|it| Step::Wait(Duration::from_secs(it))),
        1 => Just(Step::Refuse(Code::Unavailable, "service.unavailable")),
        1 => Just(Step::Refuse(Code::Unauthenticated, "service.auth.error")),
    ];
    prop::collection::vec(step, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However streams end, whatever shares a place, and wherever the process dies: every event is
    /// handed on, in order but for repeats, and no place is kept ahead of it (the ledger looks).
    #[test]
    fn no_event_is_lost_wherever_streams_and_processes_end(
        sizes in prop::collection::vec(1_u64..4, 1..20),
        streams in prop::collection::vec(steps(), 0..6),
        kills in prop::collection::vec(1_u64..900, 0..4),
        n_failures in 0_u32..4,
    ) {
        let mut places = Vec::new();
        for (idx, n) in sizes.iter().enumerate() {
            places.extend(std::iter::repeat_n(10 * (idx as u64 + 1), usize::try_from(*n).unwrap()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (taken, n) = runtime.block_on(async {
            let bench = Bench::new(&places, streams);
            *bench.sink.n_failures.lock().unwrap() = n_failures;
            for seconds in kills {
                bench.follow_for(Duration::from_secs(seconds)).await;
            }
            bench.service.streams.lock().unwrap().clear();
            *bench.service.streams.lock().unwrap() =
                vec![vec![Step::Send(1000), Step::Hang]].into();
            bench.follow_until_quiet(24 * HOUR).await.unwrap();
            (bench.taken(), places.len())
        });
        for event in 0..n {
            prop_assert!(taken.contains(&event), "event {event} of {n} is missing in {taken:?}");
        }
        // Each event comes for the first time after all before it.
        let mut seen = 0;
        for event in taken {
            prop_assert!(event <= seen, "event {event} came before {seen}");
            seen = seen.max(event + 1);
        }
    }
}
