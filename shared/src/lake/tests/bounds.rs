//! What keeps the lake in its bounds: deadlines, lengths, ages, segments.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::world::World;
use crate::error::PortErrorKind;
use crate::lake::manifest::SEGMENT_FILES;
use crate::lake::{Commit, CommitOutcome, LakeError};
use crate::model::Entity;
use crate::ports::{BlobKey, Clock, MemoryCaseStore, PutBlob, read_whole};
use crate::time::Timestamp;

fn head_key() -> BlobKey {
    BlobKey::parse("lake/manifest.json").unwrap()
}

#[tokio::test]
async fn empty_feed_writes_nothing() {
    let mut world = World::new();
    assert_eq!(world.export().await.unwrap().n_commits, 0);
    assert_eq!(world.compact().await.unwrap().n_before, 0);
    assert!(world.objects().await.is_empty());
    let missing = world.blobs.head(&head_key()).await.unwrap_err();
    assert_eq!(missing.kind(), PortErrorKind::NotFound);
}

#[tokio::test]
async fn run_whose_time_is_over_reads_nothing() {
    let mut world = World::new();
    world.change(Entity::Case, 1, 1).await;
    let exporter = world.exporter(Arc::clone(&world.blobs));
    let tally = exporter.run(Some(world.clock.now())).await.unwrap();
    assert_eq!((tally.n_rows, tally.n_behind), (0, 1));
    world.check().await;
}

/// A clock that goes on by a second whenever it is asked.
struct Restless(Arc<crate::ports::two_way_contract::HandClock>);

impl Clock for Restless {
    fn now(&self) -> Timestamp {
        self.0.pass(Duration::from_secs(1));
        self.0.now()
    }
}

#[tokio::test]
async fn run_ends_at_its_deadline_with_what_it_has() {
    let mut world = World::new();
    for number in 0..60 {
        world.change(Entity::Case, 1, number).await;
    }
    world.settings.max_file_bytes = u64::MAX;
    let mut ports = world.ports(Arc::clone(&world.blobs));
    ports.clock = Arc::new(Restless(world.clock.clone()));
    let exporter = crate::lake::Exporter::new(ports, world.hiding.clone(), world.settings);
    let until = world.clock.now().plus(Duration::from_secs(12));
    let tally = exporter.run(Some(until)).await.unwrap();
    assert!(tally.n_rows > 0 && tally.n_behind > 0, "{tally:?}");
    assert_eq!((tally.n_rows + tally.n_behind, tally.n_commits), (60, 1));
    world.check().await;
}

#[tokio::test]
async fn file_is_closed_when_it_is_long_or_old() {
    let mut world = World::new();
    for number in 0..30 {
        world.change(Entity::Case, 1, number).await;
    }
    let tally = world.export().await.unwrap();
    assert!(tally.n_commits > 3, "{tally:?}");
    let longest = world.files().await.iter().map(|it| it.n_bytes).max().unwrap();
    assert!(longest < world.settings.max_file_bytes + 3 * 700, "{longest}");

    world.settings.max_file_bytes = u64::MAX;
    world.settings.max_file_age = Duration::from_secs(3);
    for number in 0..30 {
        world.change(Entity::Case, 1, number).await;
    }
    let mut ports = world.ports(Arc::clone(&world.blobs));
    ports.clock = Arc::new(Restless(world.clock.clone()));
    let exporter = crate::lake::Exporter::new(ports, world.hiding.clone(), world.settings);
    assert!(exporter.run(None).await.unwrap().n_commits > 2);
    world.check().await;
}

#[tokio::test]
async fn changes_of_one_day_stand_in_its_files() {
    let mut world = World::new();
    world.settings.page = 100;
    for number in 0..6 {
        world.change(Entity::Account, 1, number).await;
        world.clock.pass(Duration::from_hours(12));
    }
    world.export().await.unwrap();
    let days: Vec<_> = world.files().await.into_iter().map(|it| (it.day, it.n_rows)).collect();
    let wanted = ["2027-01-15", "2027-01-16", "2027-01-17"].map(|day| (day.to_owned(), 2));
    assert_eq!(days, wanted);
}

#[tokio::test]
async fn head_stays_small_and_compaction_opens_segments_again() {
    let mut world = World::new();
    (world.settings.page, world.settings.max_file_bytes) = (1, 1);
    let n_changes = 2 * SEGMENT_FILES + 40;
    for number in 0..n_changes {
        world.change(Entity::Case, 1, u8::try_from(number % 200).unwrap()).await;
    }
    world.export().await.unwrap();
    let head = world.head().await;
    assert_eq!((head.segments.len(), head.files.len()), (1, SEGMENT_FILES + 40));
    assert_eq!(world.files().await.len(), n_changes);
    let position = head.position;
    let catalog = world.catalog();
    let later: Vec<_> =
        futures_util::TryStreamExt::try_collect::<Vec<_>>(catalog.files_after(&head, position - 2))
            .await
            .unwrap();
    assert_eq!(later.iter().map(|it| it.min_seq).collect::<Vec<_>>(), [position - 1, position]);

    world.clock.pass(Duration::from_hours(24));
    world.settings.max_file_bytes = 1_000_000;
    let tally = world.compact().await.unwrap();
    assert_eq!((tally.n_before, tally.n_after), (n_changes as u64, 1));
    let head = world.head().await;
    assert_eq!((head.segments.len(), head.files.len()), (0, 1));
    assert_eq!(head.retired.len(), n_changes + 1);
    assert_eq!(world.compact().await.unwrap().n_before, 0);

    // Readers of the old manifest have a day.
    world.clock.pass(Duration::from_hours(23));
    assert_eq!(world.sweep().await, 0);
    world.clock.pass(Duration::from_hours(2));
    world.change(Entity::Case, 1, 1).await;
    world.export().await.unwrap();
    assert_eq!(world.sweep().await, n_changes as u64 + 1);
    let bytes = read_whole(&*world.blobs, &head_key(), usize::MAX).await.unwrap();
    assert!(bytes.len() < 10_000, "{}", bytes.len());
}

#[tokio::test]
async fn run_that_began_long_ago_commits_nothing() {
    let mut world = World::new();
    world.change(Entity::Case, 1, 1).await;
    world.export().await.unwrap();
    let catalog = world.catalog();
    let commit = Commit {
        id: "late".to_owned(),
        kind: "export",
        began_at: world.clock.now(),
        span: Some((1, 1)),
        added: Vec::new(),
        removed: Default::default(),
        schemas: Default::default(),
    };
    let loaded = catalog.load().await.unwrap();
    world.clock.pass(Duration::from_hours(13));
    let late = catalog.commit(loaded, &commit).await.unwrap_err();
    assert!(matches!(late, LakeError::TooLate { hours: 13 }), "{late:?}");

    let commit = Commit { began_at: world.clock.now(), ..commit };
    let loaded = catalog.load().await.unwrap();
    let stands = catalog.commit(loaded, &commit).await.unwrap();
    assert!(matches!(stands, CommitOutcome::Committed(it) if it.head.commit == "late"));
}

#[tokio::test]
async fn store_that_was_put_back_is_told() {
    let mut world = World::new();
    for number in 0..5 {
        world.change(Entity::Case, 1, number).await;
    }
    world.export().await.unwrap();
    let blobs = Arc::clone(&world.blobs);
    let mut earlier = World::new();
    earlier.store = Arc::new(MemoryCaseStore::default());
    earlier.change(Entity::Case, 1, 1).await;
    let behind = earlier.exporter(blobs).run(None).await.unwrap_err();
    let text = behind.to_string();
    assert!(text.contains("changes up to 5, and the newest of the case store is 1"), "{text}");
}

#[tokio::test]
async fn manifest_that_cannot_be_read_is_left_as_it_is() {
    let world = World::new();
    world.change(Entity::Case, 1, 1).await;
    for (bytes, said) in [
        ("{", "is no manifest of the lake"),
        (r#"{"format":1}"#, "is no manifest of the lake"),
        (r#"{"format":2}"#, "has format 2, and this build reads 1"),
    ] {
        let body = Bytes::from(bytes);
        world.blobs.put(&head_key(), body, &PutBlob::default()).await.unwrap();
        let error = world.exporter(Arc::clone(&world.blobs)).run(None).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(read_whole(&*world.blobs, &head_key(), 99).await.unwrap(), bytes);
    }
}
