//! Wakes the receivers of this process at once, whichever handle the message was sent by.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

type Place = (PathBuf, String);

static BELLS: LazyLock<Mutex<HashMap<Place, Weak<Notify>>>> = LazyLock::new(Mutex::default);

/// Returns the bell of the queue `name` in the file at `path`, one for the whole process.
pub(super) fn bell(path: &Path, name: &str) -> Arc<Notify> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut bells = BELLS.lock().unwrap_or_else(PoisonError::into_inner);
    bells.retain(|_, bell| bell.strong_count() > 0);
    let place = bells.entry((path, name.to_owned())).or_default();
    place.upgrade().unwrap_or_else(|| {
        let bell = Arc::new(Notify::new());
        *place = Arc::downgrade(&bell);
        bell
    })
}
