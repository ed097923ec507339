//! What is known of a blob and its file cannot hold.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::ports::{BlobKey, BlobVersion, MediaType, Sha256Digest, UploadId};

use super::files::{self, Places};

/// It lies in a file that is named by the blob's version: whoever reads a blob and this reads what
/// belongs together, and a file that somebody else put there has none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) key: BlobKey,
    pub(super) media_type: MediaType,
    pub(super) sha256: Option<Sha256Digest>,
    /// The upload that made it.
    pub(super) upload: Option<UploadId>,
}

fn path(places: &Places, version: &BlobVersion) -> PathBuf {
    places.about.join(format!("{version}.json"))
}

impl About {
    /// Reads what is known of the blob `key` in this version.
    pub(super) fn read(
        places: &Places,
        key: &BlobKey,
        version: &BlobVersion,
    ) -> io::Result<Option<Self>> {
        match std::fs::read(path(places, version)) {
            Ok(text) => {
                let about = serde_json::from_slice::<Self>(&text).ok();
                Ok(about.filter(|it| it.key == *key))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, places: &Places, version: &BlobVersion) -> io::Result<()> {
        let path = path(places, version);
        // One of a blob that is gone, whose inode came into use again.
        files::remove(&path)?;
        files::write(&path, &serde_json::to_vec(self)?)?;
        files::sync_folder(&places.about)
    }

    pub(super) fn remove(places: &Places, version: &BlobVersion) {
        // What stays is swept away later.
        let _ = files::remove(&path(places, version));
    }
}
