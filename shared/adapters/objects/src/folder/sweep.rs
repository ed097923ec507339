//! What earlier processes left.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use shared::time::Timestamp;

use super::about::About;
use super::files::{self, Places, Stat};

/// How long a file may be on its way to be a blob.
const STAGED_FOR: Duration = Duration::from_hours(24);
/// How long nothing may have come for an upload, as for those in S3.
const UPLOAD_FOR: Duration = Duration::from_hours(7 * 24);

/// Removes what nobody will come back for.
pub(super) fn sweep(places: &Places, now: Timestamp) -> io::Result<()> {
    let is_old = |path: &Path, keep: Duration| {
        let changed = fs::metadata(path).and_then(|it| it.modified()).ok();
        let changed = changed.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
        let millis = changed.and_then(|it| i64::try_from(it.as_millis()).ok());
        millis.is_some_and(|it| now.since(Timestamp::from_millis(it)) > keep)
    };
    for entry in fs::read_dir(&places.staged)? {
        let path = entry?.path();
        if is_old(&path, STAGED_FOR) {
            files::remove(&path)?;
        }
    }
    for entry in fs::read_dir(&places.uploads)? {
        // A folder changes whenever a part comes.
        let path = entry?.path();
        if is_old(&path, UPLOAD_FOR) {
            fs::remove_dir_all(&path)?;
            tracing::info!(upload = %path.display(), "swept away an upload that nobody completed");
        }
    }
    for entry in fs::read_dir(&places.about)? {
        let path = entry?.path();
        if is_old(&path, STAGED_FOR) && is_of_no_blob(places, &path) {
            files::remove(&path)?;
        }
    }
    Ok(())
}

/// Whether it is about a version that is not there any more: a process died between the two.
fn is_of_no_blob(places: &Places, path: &Path) -> bool {
    let Ok(text) = fs::read(path) else { return false };
    let Ok(about) = serde_json::from_slice::<About>(&text) else { return true };
    let Ok(blob) = places.blob("sweep", &about.key) else { return true };
    let found = Stat::at(&blob).map(|it| it.version.to_string());
    let named = path.file_stem().and_then(|it| it.to_str());
    match found {
        Ok(found) => Some(found.as_str()) != named,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
