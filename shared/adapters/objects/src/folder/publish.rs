//! How a file becomes a blob.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use shared::error::{PortError, PortErrorKind};
use shared::ports::{Blob, BlobKey, PutCondition, Sha256Digest};

use super::about::About;
use super::files::{PLATFORM, Places, Stat, failed, folders, sync_folder};

/// How often a folder is made anew that somebody else removed because it was empty.
const N_ATTEMPTS: usize = 8;

/// Holds a key: no other process puts or deletes it meanwhile. It ends with the process at the latest.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file is what ends it")] File);

impl Lock {
    pub(super) fn of(places: &Places, key: &BlobKey) -> io::Result<Self> {
        let digest = Sha256Digest::of(key.as_str().as_bytes());
        let [first, ..] = digest.as_bytes();
        let path = places.locks.join(format!("{first:02x}"));
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        Ok(Self(file))
    }
}

/// Makes the file `staged`, which is on the disk, the blob that `about` names.
pub(super) fn publish(
    places: &Places,
    staged: &Path,
    about: About,
    condition: &PutCondition,
) -> Result<Blob, PortError> {
    let key = about.key.clone();
    let path = places.blob("put", &key)?;
    let fault = |error: io::Error| failed("put", key.as_str(), error);
    let stat = Stat::at(staged).map_err(fault)?;
    about.write(places, &stat.version).map_err(fault)?;
    let lock = Lock::of(places, &key).map_err(fault)?;
    let placed = replaced(&path, condition)
        .map_err(fault)
        .and_then(|found| found.ok_or_else(|| conflict(&key)))
        .and_then(|found| place(staged, &path, condition).map_err(fault).map(|()| found));
    let replaced = match placed {
        Ok(replaced) => replaced,
        Err(error) => {
            About::remove(places, &stat.version);
            return Err(error);
        }
    };
    if let Some(replaced) = replaced {
        About::remove(places, &replaced.version);
    }
    drop(lock);
    Ok(Blob {
        n_bytes: stat.n_bytes,
        version: stat.version,
        sha256: about.sha256,
        media_type: about.media_type,
        stored_at: stat.stored_at,
        key,
    })
}

fn conflict(key: &BlobKey) -> PortError {
    PortError::new(PortErrorKind::Conflict, PLATFORM, "put", key.as_str())
}

/// What is to be replaced, when the condition is met.
fn replaced(path: &Path, condition: &PutCondition) -> io::Result<Option<Option<Stat>>> {
    let found = match Stat::at(path) {
        Ok(stat) => Some(stat),
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_dir() => {
            return Err(ErrorKind::IsADirectory.into());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let is_met = match condition {
        PutCondition::Always => true,
        PutCondition::IfAbsent => found.is_none(),
        PutCondition::IfVersion(version) => found.as_ref().is_some_and(|it| it.version == *version),
    };
    Ok(is_met.then_some(found))
}

fn place(staged: &Path, path: &Path, condition: &PutCondition) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    for attempt in 1.. {
        make_folders(folder)?;
        let placed = match condition {
            PutCondition::IfAbsent => link(staged, path),
            _ => fs::rename(staged, path),
        };
        match placed {
            Err(error) if error.kind() == ErrorKind::NotFound && attempt < N_ATTEMPTS => {}
            placed => {
                placed?;
                break;
            }
        }
    }
    sync_folder(folder)
}

/// Gives the file its name only where there is none. Even somebody who knows no lock of ours is not
/// overwritten, unless the file system knows no links.
fn link(staged: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(staged, path) {
        Ok(()) => fs::remove_file(staged),
        Err(error) if error.kind() == ErrorKind::Unsupported => fs::rename(staged, path),
        Err(error) => Err(error),
    }
}

/// Makes a folder and those above it, each of them for good.
fn make_folders(folder: &Path) -> io::Result<()> {
    match folders().create(folder) {
        Ok(()) => folder.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if folder.is_dir() {
                Ok(())
            } else {
                Err(ErrorKind::NotADirectory.into())
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_folders(folder.parent().ok_or(ErrorKind::InvalidInput)?)?;
            match folders().create(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                _ => folder.parent().map_or(Ok(()), sync_folder),
            }
        }
        Err(error) => Err(error),
    }
}

/// Removes a blob, and folders that are empty afterwards.
pub(super) fn delete(places: &Places, key: &BlobKey) -> Result<(), PortError> {
    let path = places.blob("delete", key)?;
    let fault = |error: io::Error| failed("delete", key.as_str(), error);
    let _lock = Lock::of(places, key).map_err(fault)?;
    let stat = match Stat::at(&path) {
        Ok(stat) => stat,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error)),
    };
    fs::remove_file(&path).map_err(fault)?;
    About::remove(places, &stat.version);
    let above = path.ancestors().skip(1).take_while(|it| *it != places.root);
    let mut kept = places.root.as_path();
    for folder in above {
        if fs::remove_dir(folder).is_err() {
            kept = folder;
            break;
        }
    }
    sync_folder(kept).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(fault(error)),
    })
}
