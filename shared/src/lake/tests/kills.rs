//! Whatever is killed wherever: each change is in the lake once, or not yet.

use std::time::Duration;

use futures_util::future::join3;
use proptest::prelude::*;

use super::fragile::Blow;
use super::world::World;
use crate::lake::{Compactor, LakeError, sweep_lake};
use crate::model::Entity;

const BLOWS: [Blow; 4] = [Blow::Before, Blow::After, Blow::Repeated, Blow::Unheard];

/// A lake of yesterday in many small files, and changes of today that are not in it.
async fn busy_world() -> World {
    let mut world = World::new();
    for number in 0..9_u8 {
        world.change(Entity::ALL[usize::from(number % 3)], 1, number).await;
        world.export().await.unwrap();
    }
    world.clock.pass(Duration::from_hours(24));
    for number in 0..24_u8 {
        world.change(Entity::ALL[usize::from(number % 3)], u32::from(number % 4), number).await;
    }
    world
}

async fn export_with(world: &World, blow: Option<(u64, Blow)>) -> (u64, Result<(), LakeError>) {
    let fragile = world.fragile(blow, 0);
    let exported = world.exporter(fragile.clone()).run(None).await;
    (fragile.n_calls(), exported.map(drop))
}

async fn compact_with(world: &World, blow: Option<(u64, Blow)>) -> (u64, Result<(), LakeError>) {
    let fragile = world.fragile(blow, 0);
    let compactor = Compactor::new(world.ports(fragile.clone()), world.settings);
    let compacted = compactor.run(None).await;
    (fragile.n_calls(), compacted.map(drop))
}

#[tokio::test]
async fn export_that_is_killed_anywhere_leaves_each_change_once() {
    let (n_calls, whole) = export_with(&busy_world().await, None).await;
    whole.unwrap();
    assert!(n_calls > 30, "{n_calls}");
    let mut n_killed = 0;
    for blow in BLOWS {
        for at in 0..n_calls {
            let mut world = busy_world().await;
            let (_, killed) = export_with(&world, Some((at, blow))).await;
            n_killed += u64::from(killed.is_err());
            world.check().await;

            world.change(Entity::Case, 1, 3).await;
            let tally = world.export().await.unwrap();
            assert_eq!((tally.n_behind, world.n_told()), (0, 34), "{blow:?} at {at}");
            world.clock.pass(Duration::from_hours(25));
            world.sweep().await;
            assert_eq!(world.objects().await.len(), world.files().await.len());
        }
    }
    assert!(n_killed >= 2 * n_calls, "{n_killed}");
}

#[tokio::test]
async fn compaction_that_is_killed_anywhere_leaves_each_change_once() {
    let mut world = busy_world().await;
    world.export().await.unwrap();
    let (n_calls, whole) = compact_with(&world, None).await;
    whole.unwrap();
    world.check().await;
    for blow in BLOWS {
        for at in 0..n_calls {
            let mut world = busy_world().await;
            world.export().await.unwrap();
            let _ = compact_with(&world, Some((at, blow))).await;
            world.check().await;

            world.compact().await.unwrap();
            let days = world.files().await;
            assert_eq!(days.iter().filter(|it| it.is_compacted).count(), 3, "{blow:?} at {at}");
            world.clock.pass(Duration::from_hours(25));
            world.change(Entity::Case, 1, 3).await;
            world.export().await.unwrap();
            world.sweep().await;
            assert_eq!(world.objects().await.len(), world.files().await.len());
            assert_eq!(world.head().await.retired, []);
        }
    }
}

/// Runs two exports and a compaction at once, in an order that `seed` decides.
async fn race(world: &World, seed: u64) {
    let one = world.exporter(world.fragile(None, seed));
    let other = world.exporter(world.fragile(None, seed.wrapping_mul(7) | 1));
    let ports = world.ports(world.fragile(None, seed.wrapping_mul(13) | 1));
    let compactor = Compactor::new(ports, world.settings);
    let (one, other, compacted) = join3(one.run(None), other.run(None), compactor.run(None)).await;
    for result in [one.map(drop), other.map(drop), compacted.map(drop)] {
        assert!(matches!(result, Ok(()) | Err(LakeError::Contended { .. })), "{result:?}");
    }
}

#[tokio::test]
async fn runs_at_the_same_time_leave_each_change_once_and_no_file_of_a_loser() {
    for seed in 1..200 {
        let mut world = busy_world().await;
        race(&world, seed).await;
        world.check().await;
        let tally = world.export().await.unwrap();
        assert_eq!((tally.n_behind, world.n_told()), (0, 33), "seed {seed}");

        let head = world.head().await;
        let retired: Vec<_> = head.retired.iter().map(|it| it.key.as_str().to_owned()).collect();
        let named: Vec<_> =
            world.files().await.iter().map(|it| it.key.as_str().to_owned()).collect();
        let mut known = [retired, named].concat();
        known.sort();
        assert_eq!(world.objects().await.into_iter().collect::<Vec<_>>(), known, "seed {seed}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Change(usize, u32, u8),
    Pass(u16),
    Export(Option<(u64, usize)>),
    Compact(Option<(u64, usize)>),
    Sweep(Option<(u64, usize)>),
    Race(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let blow = || prop::option::of((0..40_u64, 0..BLOWS.len()));
    let step = prop_oneof![
        6 => (0..3_usize, 0..4_u32, any::<u8>()).prop_map(|(e, n, c)| Step::Change(e, n, c)),
        2 => (0..2000_u16).prop_map(Step::Pass),
        3 => blow().prop_map(Step::Export),
        2 => blow().prop_map(Step::Compact),
        1 => blow().prop_map(Step::Sweep),
        1 => (1..u64::MAX).prop_map(Step::Race),
    ];
    prop::collection::vec(step, 1..60)
}

async fn take(world: &mut World, step: Step) {
    let named = |blow: Option<(u64, usize)>| blow.map(|(at, which)| (at, BLOWS[which]));
    match step {
        Step::Change(entity, number, choice) => {
            world.change(Entity::ALL[entity], number, choice).await;
        }
        Step::Pass(minutes) => world.clock.pass(Duration::from_mins(minutes.into())),
        Step::Export(blow) => drop(export_with(world, named(blow)).await),
        Step::Compact(blow) => drop(compact_with(world, named(blow)).await),
        Step::Sweep(blow) => {
            let fragile = world.fragile(named(blow), 0);
            let _ = sweep_lake(&world.ports(fragile), None).await;
        }
        Step::Race(seed) => race(world, seed).await,
    }
    world.check().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn lake_holds_each_change_once_whatever_happens(steps in steps(), page in 1..8_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            world.settings.page = page;
            for step in steps {
                take(&mut world, step).await;
            }
            let tally = world.export().await.unwrap();
            assert_eq!(tally.n_behind, 0);
        });
    }
}
