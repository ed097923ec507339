//! Lets the processes that write to one file take turns.
//!
//! SQLite's own lock goes to whoever asks first after a commit: a busy process asks again within
//! microseconds, and one that waits asks every few milliseconds, so it may wait for ever. Here
//! whoever waits for the file's lock holds a lock file, and a process that has just committed must
//! get past it first.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(1);
/// A process that stops in the turnstile must not stop the others.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lock file of one database.
#[derive(Debug)]
pub(crate) struct Turnstile(Option<File>);

/// The right to ask for the lock of the database next. Given back when dropped.
pub(crate) struct Turn<'a>(Option<&'a File>);

impl Turnstile {
    /// Opens the lock file beside the database at `path`. Without one, everybody may ask at once.
    pub(crate) fn open(path: &Path) -> Self {
        let mut name = OsString::from(path);
        name.push("-turn");
        Self(OpenOptions::new().create(true).append(true).open(name).ok())
    }

    /// Waits until nobody else stands between here and the database.
    pub(crate) async fn enter(&self) -> Turn<'_> {
        let Some(file) = &self.0 else { return Turn(None) };
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Turn(Some(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(POLL).await,
                Err(_) => return Turn(None),
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.0 {
            let _ = file.unlock();
        }
    }
}
