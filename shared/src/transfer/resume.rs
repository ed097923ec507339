//! What a transfer must know of itself to go on after a stop: one JSON line for how it was begun, and one
//! for each part that is done.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::fault::{TransferError, on};

/// The notes of one transfer.
pub(super) struct Notes<D> {
    path: PathBuf,
    file: Mutex<File>,
    kind: PhantomData<fn(D)>,
}

impl<D: Serialize + DeserializeOwned> Notes<D> {
    /// Reads the notes of an earlier run. A last line that was cut off is as if its part was not done;
    /// notes that nobody can read are as if there were none.
    pub(super) fn read<B: DeserializeOwned>(path: &Path) -> Option<(B, Vec<D>)> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut lines = text.split_inclusive('\n').filter_map(|it| it.strip_suffix('\n'));
        let begun = serde_json::from_str(lines.next()?).ok()?;
        let done = lines.map_while(|it| serde_json::from_str(it).ok()).collect();
        Some((begun, done))
    }

    /// Begins notes in place of any that are there, with what is done already.
    pub(super) fn begin<B: Serialize>(
        path: &Path,
        begun: &B,
        done: &[D],
    ) -> Result<Self, TransferError> {
        let write = || -> io::Result<File> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut text = serde_json::to_string(begun)? + "\n";
            for it in done {
                text = text + &serde_json::to_string(it)? + "\n";
            }
            let fresh = path.with_extension("new");
            let mut file = File::create(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            std::fs::rename(&fresh, path)?;
            OpenOptions::new().append(true).open(path)
        };
        let file = write().map_err(on("write", path))?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), kind: PhantomData })
    }

    /// Notes that a part is done. A line that is lost with the machine only costs its part again.
    pub(super) async fn add(&self, done: &D) -> Result<(), TransferError> {
        let write = async || -> io::Result<()> {
            let line = serde_json::to_string(done)? + "\n";
            self.file.lock().await.write_all(line.as_bytes())
        };
        write().await.map_err(on("write", &self.path))
    }

    /// Forgets the transfer: it is over.
    pub(super) fn end(self) -> Result<(), TransferError> {
        remove(&self.path)
    }
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove(path: &Path) -> Result<(), TransferError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(on("remove", path)(error)),
        _ => Ok(()),
    }
}
