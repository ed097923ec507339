//! Uploads in parts: a folder each, a file for each part that is named by its place and digest.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    Blob, BlobKey, NewUpload, PartTag, PutCondition, RunningSha256, Sha256Digest, Upload, UploadId,
};

use super::about::About;
use super::files::{self, PLATFORM, Places, failed, sync_folder};
use super::publish::publish;
use super::reading;

/// Bytes that are copied at once.
const PIECE: usize = 256 << 10;
/// What is known of the blob to be.
pub(super) const PLAN: &str = "upload.json";

fn rejected(operation: &'static str, key: &BlobKey, why: impl Into<String>) -> PortError {
    let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, operation, key.as_str());
    fault.with_source(why.into())
}

fn folder(places: &Places, operation: &'static str, upload: &Upload) -> Result<PathBuf, PortError> {
    let id = upload.id.as_str();
    if !id.bytes().all(|it| it.is_ascii_hexdigit()) {
        return Err(rejected(operation, &upload.key, "no upload of this store"));
    }
    Ok(places.uploads.join(id))
}

pub(super) fn begin(
    places: &Places,
    key: &BlobKey,
    options: &NewUpload,
    name: String,
) -> Result<Upload, PortError> {
    places.blob("begin", key)?;
    let fault = |error: io::Error| failed("begin", key.as_str(), error);
    let id = UploadId::parse(name).map_err(|error| rejected("begin", key, error.to_string()))?;
    let about = About {
        key: key.clone(),
        media_type: options.media_type.clone(),
        sha256: options.sha256,
        upload: Some(id.clone()),
    };
    let plan = serde_json::to_vec(&about).map_err(|error| fault(error.into()))?;
    let upload = Upload { key: key.clone(), id };
    let folder = folder(places, "begin", &upload)?;
    files::folders()
        .create(&folder)
        .and_then(|()| files::write(&folder.join(PLAN), &plan))
        .and_then(|()| sync_folder(&folder))
        .and_then(|()| sync_folder(&places.uploads))
        .map_err(fault)?;
    Ok(upload)
}

/// The files of part `number`.
fn files_of(folder: &Path, number: u32) -> io::Result<Vec<PathBuf>> {
    let begin = format!("{number}.");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|it| it.starts_with(&begin)) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

pub(super) fn put_part(
    places: &Places,
    upload: &Upload,
    number: u32,
    body: &Bytes,
    name: &str,
) -> Result<PartTag, PortError> {
    let fault = |error: io::Error| failed("put part", upload.key.as_str(), error);
    let folder = folder(places, "put part", upload)?;
    let sha256 = Sha256Digest::of(body);
    let path = folder.join(format!("{number}.{sha256}"));
    let staged = places.staged.join(name);
    files::write(&staged, body)
        .and_then(|()| fs::rename(&staged, &path))
        .and_then(|()| sync_folder(&folder))
        .map_err(|error| {
            let _ = files::remove(&staged);
            fault(error)
        })?;
    for earlier in files_of(&folder, number).map_err(fault)?.iter().filter(|it| **it != path) {
        files::remove(earlier).map_err(fault)?;
    }
    PartTag::parse(sha256.to_string())
        .map_err(|error| rejected("put part", &upload.key, error.to_string()))
}

/// Copies one part behind what is there, and checks its bytes.
fn append(whole: &mut File, sum: &mut RunningSha256, part: &Path) -> io::Result<Sha256Digest> {
    let (mut part, mut of_part) = (File::open(part)?, RunningSha256::default());
    let mut piece = vec![0; PIECE];
    loop {
        let n_read = part.read(&mut piece)?;
        let some = piece.get(..n_read).unwrap_or_default();
        if some.is_empty() {
            return Ok(of_part.finish());
        }
        whole.write_all(some)?;
        of_part.update(some);
        sum.update(some);
    }
}

pub(super) fn complete(
    places: &Places,
    upload: &Upload,
    parts: &[PartTag],
    name: &str,
) -> Result<Blob, PortError> {
    let key = &upload.key;
    let fault = |error: io::Error| failed("complete", key.as_str(), error);
    let folder = folder(places, "complete", upload)?;
    let plan = match fs::read(folder.join(PLAN)) {
        Ok(plan) => plan,
        Err(error) if error.kind() == ErrorKind::NotFound => return made_by(places, upload),
        Err(error) => return Err(fault(error)),
    };
    let plan: About = serde_json::from_slice(&plan).map_err(|error| fault(error.into()))?;
    if plan.key != *key {
        return Err(rejected("complete", key, "the upload is of another blob"));
    }
    let staged = places.staged.join(name);
    let made = join(&folder, key, parts, &staged).and_then(|sha256| {
        if plan.sha256.is_some_and(|it| it != sha256) {
            return Err(rejected("complete", key, "the bytes have another digest"));
        }
        let about = About { sha256: Some(sha256), ..plan };
        publish(places, &staged, about, &PutCondition::Always)
    });
    let made = made.inspect_err(|_| {
        let _ = files::remove(&staged);
    })?;
    // The blob is there: what stays of the upload is swept away later.
    let _ = fs::remove_dir_all(&folder);
    Ok(made)
}

fn join(
    folder: &Path,
    key: &BlobKey,
    parts: &[PartTag],
    staged: &Path,
) -> Result<Sha256Digest, PortError> {
    let fault = |error: io::Error| failed("complete", key.as_str(), error);
    let mut whole = files::create(staged).map_err(fault)?;
    let mut sum = RunningSha256::default();
    for (number, tag) in parts.iter().enumerate() {
        let wanted = Sha256Digest::parse(tag.as_str())
            .map_err(|_| rejected("complete", key, "no part of this store"))?;
        let found = match append(&mut whole, &mut sum, &folder.join(format!("{number}.{wanted}"))) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = format!("part {number} is missing, or was replaced by another");
                return Err(rejected("complete", key, text));
            }
            found => found.map_err(fault)?,
        };
        if found != wanted {
            return Err(rejected(
                "complete",
                key,
                format!("part {number} was altered on the disk"),
            ));
        }
    }
    whole.sync_all().map_err(fault)?;
    Ok(sum.finish())
}

/// The blob, when the upload that is over made it.
fn made_by(places: &Places, upload: &Upload) -> Result<Blob, PortError> {
    let key = &upload.key;
    let (_, blob, made_by) = reading::open(places, "complete", key)?;
    if made_by.as_ref() != Some(&upload.id) {
        return Err(PortError::new(PortErrorKind::NotFound, PLATFORM, "complete", key.as_str()));
    }
    Ok(blob)
}

pub(super) fn abandon(places: &Places, upload: &Upload) -> Result<(), PortError> {
    let folder = folder(places, "abandon", upload)?;
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed("abandon", upload.key.as_str(), error))
        }
        _ => Ok(()),
    }
}
