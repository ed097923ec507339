//! Reading.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{Blob, BlobBytes, BlobKey, BlobRead, ByteRange, UploadId, checked_bytes};
use tokio::io::AsyncReadExt as _;

use super::about::About;
use super::files::{PLATFORM, Places, Stat, failed};

/// Bytes in one piece.
const PIECE: usize = 256 << 10;

/// How often a blob is opened anew that was replaced between a look at its file and one beside it.
const N_ATTEMPTS: usize = 4;

/// What is known of a blob, by its file and what lies beside.
fn blob(key: &BlobKey, stat: Stat, about: Option<About>) -> Blob {
    let (media_type, sha256) = about.map(|it| (it.media_type, it.sha256)).unwrap_or_default();
    Blob {
        key: key.clone(),
        n_bytes: stat.n_bytes,
        version: stat.version,
        sha256,
        media_type,
        stored_at: stat.stored_at,
    }
}

/// Opens a blob, with what is known of it and the upload that made it.
pub(super) fn open(
    places: &Places,
    operation: &'static str,
    key: &BlobKey,
) -> Result<(File, Blob, Option<UploadId>), PortError> {
    let path = places.blob(operation, key)?;
    let open = || {
        let mut attempt = 1;
        loop {
            let file = File::open(&path)?;
            let stat = Stat::of(&file.metadata()?)?;
            let about = About::read(places, key, &stat.version)?;
            let is_settled = about.is_some() || Stat::at(&path)?.version == stat.version;
            if is_settled || attempt == N_ATTEMPTS {
                let upload = about.as_ref().and_then(|it| it.upload.clone());
                return Ok((file, blob(key, stat, about), upload));
            }
            attempt += 1;
        }
    };
    open().map_err(|error: io::Error| match error.kind() {
        // Where a file stands in for a folder there is nothing.
        io::ErrorKind::NotADirectory => {
            PortError::new(PortErrorKind::NotFound, PLATFORM, operation, key.as_str())
        }
        _ => failed(operation, key.as_str(), error),
    })
}

/// A blob that is open: it stays readable though somebody replaces or deletes it.
pub(super) struct Opened {
    blob: Blob,
    file: File,
    n_wanted: u64,
    is_whole: bool,
}

impl Opened {
    pub(super) fn open(
        places: &Places,
        key: &BlobKey,
        range: Option<ByteRange>,
    ) -> Result<Self, PortError> {
        let (mut file, blob, _) = open(places, "read", key)?;
        let ByteRange { from, until } = range.unwrap_or(ByteRange { from: 0, until: None });
        let until = until.unwrap_or(blob.n_bytes).min(blob.n_bytes);
        if range.is_some() && from >= until {
            let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, "read", key.as_str());
            let text = format!("no bytes in this range: it has {}", blob.n_bytes);
            return Err(fault.with_source(text));
        }
        file.seek(SeekFrom::Start(from)).map_err(|it| failed("read", key.as_str(), it))?;
        Ok(Self { blob, file, n_wanted: until - from, is_whole: range.is_none() })
    }

    pub(super) fn read(self) -> BlobRead {
        let Self { blob, file, n_wanted, is_whole } = self;
        let subject = blob.key.as_str().to_owned();
        let file = tokio::fs::File::from_std(file);
        let bytes = Box::pin(stream::try_unfold((file, n_wanted, subject.clone()), next));
        let bytes: BlobBytes = match blob.sha256 {
            Some(sha256) if is_whole => Box::pin(checked_bytes(bytes, sha256, PLATFORM, subject)),
            _ => bytes,
        };
        BlobRead { blob, bytes }
    }
}

type Left = (tokio::fs::File, u64, String);

async fn next((mut file, n_left, subject): Left) -> Result<Option<(Bytes, Left)>, PortError> {
    if n_left == 0 {
        return Ok(None);
    }
    let n_piece = usize::try_from(n_left).unwrap_or(PIECE).min(PIECE);
    let mut piece = BytesMut::with_capacity(n_piece);
    let n_read = (&mut file)
        .take(n_piece as u64)
        .read_buf(&mut piece)
        .await
        .map_err(|error| failed("read", &subject, error))?;
    if n_read == 0 {
        let fault = PortError::new(PortErrorKind::Unavailable, PLATFORM, "read", subject);
        return Err(fault.with_source("the file became shorter meanwhile"));
    }
    let n_left = n_left.saturating_sub(n_read as u64);
    Ok(Some((piece.freeze(), (file, n_left, subject))))
}
