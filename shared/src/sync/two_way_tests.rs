//! A small world with one record on two sides, played in any order: no change is ever lost without a
//! named reason, and both sides end up equal.

mod checks;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use crate::ports::{ConflictMark, RemoteRecord, Shadow, Write};
use crate::time::Timestamp;
use world::World;

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
