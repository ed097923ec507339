//! A small world with one record on two sides, played in any order: no change is ever lost without a
//! named reason, and both sides end up equal.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use crate::ports::{ConflictMark, RemoteRecord, Shadow, Write};
use crate::time::Timestamp;

const MAPPING: &str = "
object: Account
entity: account
fields:
  - { remote: Name, local: name, conflicts: newest_wins }
  - { remote: Phone, local: phone, conflicts: remote_wins }
  - { remote: Website, local: website, conflicts: local_wins }
  - { remote: Industry, local: industry, conflicts: manual }
";
const FIELDS: [(&str, &str); 4] =
    [("Name", "name"), ("Phone", "phone"), ("Website", "website"), ("Industry", "industry")];

/// One thing that happens. Numbers are places in lists, taken modulo their length.
#[derive(Clone, Debug)]
enum Step {
    Tick,
    EditThere(usize),
    EditHere(usize),
    Deliver(usize),
    Poll,
    /// Looks, then writes unless somebody wrote in between; `Some` edits a field over there in
    /// between. The answer may be lost.
    Push {
        meanwhile: Option<usize>,
        is_answer_lost: bool,
    },
    /// A bulk job: leaves now, lands with `Land`, is settled with `Arrive`.
    Depart,
    Land,
    Arrive,
}

fn step() -> impl Strategy<Value = Step> {
    let field = 0..FIELDS.len();
    prop_oneof![
        3 => Just(Step::Tick),
        3 => field.clone().prop_map(Step::EditThere),
        3 => field.clone().prop_map(Step::EditHere),
        4 => (0..20_usize).prop_map(Step::Deliver),
        1 => Just(Step::Poll),
        2 => (proptest::option::of(field), any::<bool>()).prop_map(|(meanwhile, is_answer_lost)| {
            Step::Push { meanwhile, is_answer_lost }
        }),
        2 => Just(Step::Depart),
        2 => Just(Step::Land),
        2 => Just(Step::Arrive),
    ]
}

/// A value that stood over there, who wrote it, and what stood there before.
#[derive(Clone, Debug)]
struct There {
    field: &'static str,
    value: FieldValue,
    is_ours: bool,
    /// For a write of ours: what we knew to stand there.
    known: Option<FieldValue>,
}

/// A value that was given here, and what stood here before.
#[derive(Clone, Debug)]
struct Here {
    field: &'static str,
    value: FieldValue,
    replaced: FieldValue,
}

struct World {
    now: i64,
    n_values: u32,
    record: Fields,
    modified: i64,
    events: Vec<ChangeEvent>,
    there: Vec<There>,
    here: Vec<Here>,
    shadow: Shadow,
    writes: Vec<Write>,
    job: Option<Job>,
    mapping: ObjectMapping,
}

struct Job {
    sent: Sent,
    known: Fields,
    has_landed: bool,
}

impl World {
    fn new() -> Self {
        let mapping = read_mapping("account.yaml", MAPPING).unwrap();
        let key = RecordKey {
            connection: ConnectionId::parse("main").unwrap(),
            object: ObjectName::parse("Account").unwrap(),
            record_id: RecordId::parse("0015f00002J9YYEAA3").unwrap(),
        };
        let mut world = Self {
            now: 1000,
            n_values: 0,
            record: Fields::new(),
            modified: 1000,
            events: Vec::new(),
            there: Vec::new(),
            here: Vec::new(),
            shadow: Shadow::unseen(key),
            writes: Vec::new(),
            job: None,
            mapping,
        };
        for (field, _) in FIELDS {
            world.record.insert(field.to_owned(), FieldValue::text(&format!("{field} 0")));
        }
        world.now += 1;
        world.poll();
        world
    }

    fn fresh_value(&mut self) -> FieldValue {
        self.n_values += 1;
        FieldValue::text(&format!("v{}", self.n_values))
    }

    fn set_there(&mut self, fields: &Fields, known: Option<&Fields>) {
        self.modified = self.now;
        for (field, value) in fields {
            self.record.insert(field.clone(), value.clone());
            let (field, _) = *FIELDS.iter().find(|it| it.0 == field).unwrap();
            let known = known.map(|it| it.get(field).cloned().unwrap_or_default());
            let is_ours = known.is_some();
            self.there.push(There { field, value: value.clone(), is_ours, known });
        }
        let event = self.event(Scope::Changed, fields.clone(), Channel::ChangeEvent);
        self.events.push(event);
    }

    fn event(&self, scope: Scope, fields: Fields, channel: Channel) -> ChangeEvent {
        ChangeEvent {
            event_id: format!("e-{}", self.events.len()),
            key: self.shadow.key.clone(),
            change: Change::Upsert,
            version: Some(at(self.modified)),
            scope,
            fields,
            unread: Vec::new(),
            channel,
            received_at: at(self.now),
            is_backfill: false,
            correlation_id: CorrelationId::parse("c-1").unwrap(),
        }
    }

    fn edit_there(&mut self, place: usize) {
        let (field, _) = FIELDS[place];
        let value = self.fresh_value();
        self.set_there(&Fields::from([(field.to_owned(), value)]), None);
    }

    fn edit_here(&mut self, place: usize) {
        let (field, local) = FIELDS[place];
        let value = self.fresh_value();
        let change = LocalChange {
            fields: Fields::from([(local.to_owned(), value.clone())]),
            presence: None,
        };
        let correlation_id = CorrelationId::parse("c-2").unwrap();
        let cause = self.cause("person:anna", Channel::Api, &correlation_id);
        let write = edit(&self.shadow, &change, &References::new(), &self.mapping, cause).unwrap();
        let replaced = self.shadow.edits.over(&self.shadow.fields)[field].clone();
        self.here.push(Here { field, value, replaced });
        self.apply(write.unwrap());
    }

    fn cause<'a>(
        &self,
        actor: &'a str,
        channel: Channel,
        correlation_id: &'a CorrelationId,
    ) -> Cause<'a> {
        Cause {
            actor,
            channel,
            event_id: "x",
            correlation_id,
            version: at(self.now),
            received_at: at(self.now),
            is_backfill: false,
        }
    }

    fn apply(&mut self, write: Write) {
        assert_eq!(write.shadow.revision, self.shadow.revision, "stale write");
        self.shadow = Shadow { revision: write.shadow.revision + 1, ..write.shadow.clone() };
        self.writes.push(write);
    }

    /// What the sync worker does with an event.
    fn take(&mut self, event: &ChangeEvent) {
        let mapping = self.mapping.clone();
        let known = (self.shadow.revision > 0).then(|| self.shadow.clone());
        let context = MergeContext {
            mapping: &mapping,
            actor: "salesforce:main",
            authority: Authority::Reported,
            reported: None,
        };
        let mut merged = merge(event, known.as_ref(), context).unwrap();
        if let Merged::ReadRecord(_) = merged {
            let mut current = self.event(Scope::Full, self.record.clone(), event.channel);
            current.version = event.version.max(current.version);
            let context =
                MergeContext { authority: Authority::Read, reported: Some(event), ..context };
            merged = merge(&current, known.as_ref(), context).unwrap();
        }
        match merged {
            Merged::Nothing => {}
            Merged::Write(write) => self.apply(*write),
            Merged::ReadRecord(reason) => panic!("read in vain: {reason}"),
        }
    }

    fn poll(&mut self) {
        let event = self.event(Scope::Full, self.record.clone(), Channel::Poll);
        self.take(&event);
    }

    /// Reads the record now, as the relay does before it writes; false when the present second is
    /// not over, so that what is read may not be all that it brings.
    fn look(&mut self) -> bool {
        let mapping = self.mapping.clone();
        let event = self.event(Scope::Full, self.record.clone(), Channel::WriteBack);
        let context = MergeContext {
            mapping: &mapping,
            actor: "salesforce:main",
            authority: Authority::Read,
            reported: None,
        };
        if let Merged::Write(write) = merge(&event, Some(&self.shadow), context).unwrap() {
            self.apply(*write);
        }
        self.modified < self.now
    }

    fn sendable(&self) -> Fields {
        let edits = self.shadow.edits.sendable();
        edits.map(|(field, edit)| (field.clone(), edit.value.clone())).collect()
    }

    fn push(&mut self, meanwhile: Option<usize>, is_answer_lost: bool) {
        if !self.look() {
            return;
        }
        let fields = self.sendable();
        let (seen, known) = (self.modified, self.shadow.fields.clone());
        if let Some(place) = meanwhile {
            self.edit_there(place);
        }
        // `If-Unmodified-Since`: to the second.
        if fields.is_empty() || self.modified > seen {
            return;
        }
        self.set_there(&fields, Some(&known));
        if !is_answer_lost {
            let sent = Sent { fields, presence: None };
            self.settle(&sent);
        }
    }

    fn settle(&mut self, sent: &Sent) {
        let state = RemoteRecord {
            record_id: self.shadow.key.record_id.clone(),
            version: at(self.modified),
            is_deleted: false,
            fields: self.record.clone(),
            unread: Vec::new(),
        };
        let correlation_id = CorrelationId::parse("c-3").unwrap();
        let cause = self.cause("salesforce:main", Channel::WriteBack, &correlation_id);
        let id = self.shadow.key.record_id.clone();
        let write = settle(&self.shadow, sent, &id, Some(state), &self.mapping, cause).unwrap();
        self.apply(write);
    }

    fn depart(&mut self) {
        if self.job.is_some() || !self.look() {
            return;
        }
        let sent = Sent { fields: self.sendable(), presence: None };
        if sent.fields.is_empty() {
            return;
        }
        let revision = self.shadow.revision + 1;
        self.shadow = Shadow { revision, ..depart(&self.shadow, &sent) };
        self.job = Some(Job { sent, known: self.shadow.fields.clone(), has_landed: false });
    }

    fn land(&mut self) {
        let Some(mut job) = self.job.take() else { return };
        if !job.has_landed {
            self.set_there(&job.sent.fields, Some(&job.known));
            job.has_landed = true;
        }
        self.job = Some(job);
    }

    fn arrive(&mut self) {
        match self.job.take() {
            Some(job) if job.has_landed => self.settle(&job.sent),
            other => self.job = other,
        }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Tick => self.now += 1,
            Step::EditThere(place) => self.edit_there(place),
            Step::EditHere(place) => self.edit_here(place),
            Step::Deliver(_) if self.events.is_empty() => {}
            Step::Deliver(place) => {
                let event = self.events[place % self.events.len()].clone();
                self.take(&event);
            }
            Step::Poll => self.poll(),
            Step::Push { meanwhile, is_answer_lost } => self.push(meanwhile, is_answer_lost),
            Step::Depart => self.depart(),
            Step::Land => self.land(),
            Step::Arrive => self.arrive(),
        }
    }

    /// Everything that is under way comes to its end.
    fn come_to_rest(&mut self) {
        self.land();
        self.arrive();
        for _ in 0..8 {
            self.now += 1;
            for event in self.events.clone() {
                self.take(&event);
            }
            self.now += 1;
            self.push(None, false);
        }
        self.poll();
    }

    fn decided(&self, field: &str, value: &FieldValue) -> bool {
        let (_, local) = FIELDS.iter().find(|it| it.0 == field).unwrap();
        let changes =
            self.writes.iter().filter_map(|it| it.audit.as_ref()).flat_map(|it| &it.changes);
        changes
            .filter(|it| it.field == *local)
            .flat_map(|it| &it.decisions)
            .any(|it| it.other == *value)
    }

    /// Every value that stood over there is there still, was replaced by somebody who knew it, or is
    /// named in a decision.
    fn check_there(&self) {
        let mut last: BTreeMap<&str, &There> = BTreeMap::new();
        for (place, entry) in self.there.iter().enumerate() {
            if let Some(before) = last.insert(entry.field, entry)
                && !before.is_ours
                && entry.is_ours
            {
                let was_known = entry.known.as_ref() == Some(&before.value);
                let mut later = self.there.iter().skip(place);
                let came_back = later.any(|it| it.value == before.value);
                let was_replaced = self.here.iter().any(|it| it.replaced == before.value);
                assert!(
                    was_known
                        || came_back
                        || was_replaced
                        || self.decided(entry.field, &before.value),
                    "`{}` of `{}` was overwritten unseen",
                    before.value,
                    entry.field
                );
            }
        }
        for (field, entry) in last {
            assert_eq!(self.record[field], entry.value);
        }
    }

    /// Every value that was given here is here still, was replaced here, reached the other side, or
    /// is named in a decision.
    fn check_here(&self) {
        for Here { field, value, .. } in &self.here {
            let was_replaced = self.here.iter().any(|it| it.replaced == *value);
            let has_left = self.there.iter().any(|it| it.field == *field && it.value == *value);
            let is_here = self.shadow.edits.over(&self.shadow.fields)[*field] == *value;
            assert!(
                was_replaced || has_left || is_here || self.decided(field, value),
                "`{value}` of `{field}` was lost here"
            );
        }
    }

    fn check_rest(&self) {
        let edits = &self.shadow.edits;
        assert!(!edits.waits(), "something still waits to be sent");
        for (field, _) in FIELDS {
            assert_eq!(self.shadow.fields[field], self.record[field], "{field}");
            let is_parked = edits.fields.get(field).is_some_and(|it| it.is_parked);
            let here = &edits.over(&self.shadow.fields)[field];
            assert!(is_parked || *here == self.record[field], "{field} differs");
            assert!(!is_parked || field == "Industry", "only `manual` parks");
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn played(steps: &[Step]) -> World {
    let mut world = World::new();
    for step in steps {
        world.play(step);
    }
    world.come_to_rest();
    world
}

fn check(steps: &[Step]) {
    let world = played(steps);
    world.check_there();
    world.check_here();
    world.check_rest();
}

#[test]
fn one_change_here_is_one_write_there_and_then_silence() {
    let push = Step::Push { meanwhile: None, is_answer_lost: false };
    let world = played(&[Step::Tick, Step::EditHere(0), push]);
    let ours = world.there.iter().filter(|it| it.is_ours).count();
    let seen = world.writes.iter().filter(|it| it.audit.is_some()).count();
    // The first one is the record itself.
    assert_eq!((ours, seen), (1, 2));
}

#[test]
fn one_change_there_is_one_write_here_and_then_silence() {
    let world = played(&[Step::Tick, Step::EditThere(0), Step::Deliver(0), Step::Deliver(0)]);
    assert!(world.there.iter().all(|it| !it.is_ours));
    assert_eq!(world.writes.iter().filter(|it| it.audit.is_some()).count(), 2);
}

#[test]
fn manual_conflict_keeps_both_values() {
    let world = played(&[Step::EditHere(3), Step::Tick, Step::EditThere(3), Step::Deliver(0)]);
    let marks: Vec<_> = world.writes.iter().flat_map(|it| &it.marks.conflicts).collect();
    let [ConflictMark::Open(draft)] = marks.as_slice() else { panic!("{marks:?}") };
    assert_eq!(draft.local_value.as_text(), Some("v1"));
    assert_eq!(draft.remote_value.as_text(), Some("v2"));
    assert_eq!(world.record["Industry"].as_text(), Some("v2"));
}

#[test]
fn change_that_a_bulk_job_overwrote_is_put_back_when_it_should_have_won() {
    // The job leaves with a phone number; before it lands somebody else sets one; the job overwrites
    // it, and only then the event of that change arrives. `remote_wins`, so it is put back.
    let world = played(&[
        Step::EditHere(1),
        Step::Tick,
        Step::Depart,
        Step::Tick,
        Step::EditThere(1),
        Step::Tick,
        Step::Land,
        Step::Arrive,
        Step::Deliver(0),
    ]);
    assert_eq!(world.record["Phone"].as_text(), Some("v2"));
    world.check_there();
    world.check_rest();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_change_is_lost_whatever_happens_in_whatever_order(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        check(&steps);
    }
}
