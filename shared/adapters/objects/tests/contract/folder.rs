//! Blobs in a folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adapter_objects::{BlobAddress, FolderBlobStore};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use shared::PortErrorKind;
use shared::config::Env;
use shared::ports::blob_store_contract::contract;
use shared::ports::{
    BlobKey, BlobStore, MediaType, NewUpload, PutBlob, PutCondition, SystemClock, SystemRandom,
    read_whole,
};
use tempfile::TempDir;

fn open(folder: &Path) -> Arc<dyn BlobStore> {
    let store = FolderBlobStore::open(folder, &SystemClock, Arc::new(SystemRandom));
    Arc::new(store.unwrap())
}

fn key(raw: &str) -> BlobKey {
    BlobKey::parse(raw).unwrap()
}

/// Files below `folder`, but for those of locks.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.push(path.display().to_string());
        } else if !path.ends_with("locks") {
            found.extend(files(&path));
        }
    }
    found
}

fn make_old(path: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folder_keeps_the_contract() {
    let folder = TempDir::new().unwrap();
    contract(|| async { open(folder.path()) }).await;
}

#[tokio::test]
async fn blob_is_a_plain_file_and_nothing_is_left_beside() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let options =
        PutBlob { media_type: MediaType::parse("text/plain").unwrap(), ..PutBlob::default() };
    store.put(&key("cases/1/note.txt"), "note".into(), &options).await.unwrap();
    store.put(&key("cases/1/note.txt"), "other".into(), &options).await.unwrap();

    let path = folder.path().join("cases/1/note.txt");
    assert_eq!(fs::read(&path).unwrap(), b"other");
    #[cfg(unix)]
    for (path, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    assert_eq!(files(folder.path()).len(), 2, "{:?}", files(folder.path()));

    let upload = store.begin(&key("cases/1/scan"), &NewUpload::default()).await.unwrap();
    let tag = store.put_part(&upload, 0, "a".into()).await.unwrap();
    store.complete(&upload, &[tag]).await.unwrap();
    store.delete(&key("cases/1/scan")).await.unwrap();
    store.delete(&key("cases/1/note.txt")).await.unwrap();

    assert!(files(folder.path()).is_empty(), "{:?}", files(folder.path()));
    assert!(!folder.path().join("cases").exists());
}

#[tokio::test]
async fn file_that_somebody_put_there_is_a_blob() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    fs::write(folder.path().join("by-hand.txt"), "by hand").unwrap();

    let blob = store.head(&key("by-hand.txt")).await.unwrap();

    assert_eq!((blob.n_bytes, blob.sha256), (7, None));
    assert_eq!(blob.media_type, MediaType::default());
    assert_eq!(read_whole(store.as_ref(), &key("by-hand.txt"), 10).await.unwrap(), "by hand");
    let error = read_whole(store.as_ref(), &key("by-hand.txt"), 6).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn bytes_that_rotted_end_in_an_error() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.put(&key("a"), "whole".into(), &PutBlob::default()).await.unwrap();
    let path = folder.path().join("a");
    let stamp = fs::metadata(&path).unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, b"WHOLE").unwrap();
    file.set_modified(stamp).unwrap();

    let error = read_whole(store.as_ref(), &key("a"), 10).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(shared::chain(&error).to_string().contains("not those that were stored"));
}

#[tokio::test]
async fn what_a_folder_cannot_hold_is_rejected_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.put(&key("a"), "x".into(), &PutBlob::default()).await.unwrap();
    store.put(&key("b/c"), "x".into(), &PutBlob::default()).await.unwrap();
    let long = "x".repeat(300);
    for raw in ["a/b", "b", ".moodbridge/a", ".moodbridge", &long] {
        for condition in [PutCondition::Always, PutCondition::IfAbsent] {
            let options = PutBlob { condition, ..PutBlob::default() };
            let error = store.put(&key(raw), "y".into(), &options).await.unwrap_err();
            let text = shared::chain(&error).to_string();
            assert_eq!(error.kind(), PortErrorKind::Rejected, "{text}");
        }
    }
    let left = fs::read_dir(folder.path().join(".moodbridge/staged")).unwrap().count();
    assert_eq!((left, files(folder.path()).len()), (0, 4));
}

#[tokio::test]
async fn what_earlier_processes_left_is_swept_away() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let hidden = folder.path().join(".moodbridge");
    store.put(&key("kept"), "x".into(), &PutBlob::default()).await.unwrap();
    let old = store.begin(&key("old"), &NewUpload::default()).await.unwrap();
    let fresh = store.begin(&key("fresh"), &NewUpload::default()).await.unwrap();
    for name in ["staged/old", "staged/fresh", "about/1-2-3.json"] {
        fs::write(hidden.join(name), "half").unwrap();
    }
    for name in ["staged/old", "about/1-2-3.json", &format!("uploads/{}", old.id)] {
        make_old(&hidden.join(name));
    }
    for entry in fs::read_dir(hidden.join("about")).unwrap() {
        make_old(&entry.unwrap().path());
    }

    let store = open(folder.path());

    assert!(!hidden.join("staged/old").exists() && hidden.join("staged/fresh").exists());
    let error = store.put_part(&old, 0, "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    store.put_part(&fresh, 0, "x".into()).await.unwrap();
    assert!(store.head(&key("kept")).await.unwrap().sha256.is_some());
    assert_eq!(fs::read_dir(hidden.join("about")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_never_meets_half_a_blob() {
    let folder = TempDir::new().unwrap();
    let (writer, reader) = (open(folder.path()), open(folder.path()));
    let body = |it: u8| Bytes::from(vec![it; 600_000]);
    writer.put(&key("a"), body(0), &PutBlob::default()).await.unwrap();
    let writing = tokio::spawn(async move {
        for it in 1..=40 {
            writer.put(&key("a"), body(it), &PutBlob::default()).await.unwrap();
        }
    });

    while !writing.is_finished() {
        let read = reader.read(&key("a"), None).await.unwrap();
        assert!(read.blob.sha256.is_some());
        let bytes = read.bytes.try_collect::<Vec<_>>().await.unwrap().concat();
        assert_eq!(bytes.len(), 600_000);
        assert!(bytes.iter().all(|it| *it == bytes[0]));
    }
    writing.await.unwrap();
}

#[test]
fn folder_that_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    let address = format!("file:{}", folder.path().join("file").display());
    let address = BlobAddress::parse(&address).unwrap();

    let opened = address.open(&Env::default(), Arc::new(SystemClock), Arc::new(SystemRandom));

    let text = shared::chain(&opened.err().unwrap()).to_string();
    assert!(text.contains("/file`"), "{text}");
}
