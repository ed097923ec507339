//! Where blobs are.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use shared::config::Env;
use shared::error::PortError;
use shared::ports::{BlobKey, BlobStore, Clock, Random};
use url::form_urlencoded;

use crate::folder::FolderBlobStore;
use crate::s3::S3BlobStore;

/// Where blobs are: `s3://BUCKET`, `s3://BUCKET/PREFIX?kms=KEY_ARN`, or `file:FOLDER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobAddress {
    /// A bucket of S3, or a part of one.
    S3(S3Address),
    /// A folder of this machine.
    Folder(PathBuf),
}

/// A bucket of S3, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Address {
    /// The bucket.
    pub bucket: String,
    /// What stands before every key, with a `/` between.
    pub prefix: Option<BlobKey>,
    /// The ARN of the KMS key that blobs are encrypted with; without it the bucket's own setting holds.
    pub kms_key: Option<String>,
}

/// Text that is not the address of a blob store.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not where blobs are: {fault}")]
pub struct InvalidBlobAddress {
    raw: String,
    fault: &'static str,
}

impl BlobAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`InvalidBlobAddress`], which says what to write instead.
    pub fn parse(raw: &str) -> Result<Self, InvalidBlobAddress> {
        let read = if let Some(rest) = raw.strip_prefix("s3://") {
            s3(rest).map(Self::S3)
        } else if let Some(rest) = raw.strip_prefix("file:") {
            folder(rest).map(Self::Folder)
        } else {
            Err("write `s3://BUCKET/PREFIX` or `file:FOLDER`")
        };
        read.map_err(|fault| InvalidBlobAddress { raw: raw.to_owned(), fault })
    }

    /// Opens the store. S3 is not called yet; of a folder what earlier processes left is cleared away.
    ///
    /// `env` tells region, credentials and a peer in place of AWS, as every AWS tool reads them.
    ///
    /// # Errors
    ///
    /// `Rejected` when `env` lacks something, `Denied` or `Unavailable` when a folder cannot be used.
    pub fn open(
        &self,
        env: &Env,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<dyn BlobStore>, PortError> {
        Ok(match self {
            Self::S3(address) => Arc::new(S3BlobStore::open(address, env, clock, random)?),
            Self::Folder(folder) => {
                Arc::new(FolderBlobStore::open(folder, clock.as_ref(), random)?)
            }
        })
    }
}

impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "file:{}", folder.display()),
            Self::S3(S3Address { bucket, prefix, kms_key }) => {
                write!(f, "s3://{bucket}")?;
                prefix.iter().try_for_each(|it| write!(f, "/{it}"))?;
                kms_key.iter().try_for_each(|it| write!(f, "?kms={it}"))
            }
        }
    }
}

impl FromStr for BlobAddress {
    type Err = InvalidBlobAddress;

    fn from_str(raw: &str) -> Result<Self, InvalidBlobAddress> {
        Self::parse(raw)
    }
}

fn s3(rest: &str) -> Result<S3Address, &'static str> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if !is_bucket(bucket) {
        return Err("a bucket has 3 to 63 lower-case letters, digits, dots and dashes");
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let prefix = match prefix {
        "" => None,
        prefix => Some(BlobKey::parse(prefix).map_err(
            |_| "what stands behind the bucket must have whole segments, parted by one `/` each",
        )?),
    };
    let mut kms_key = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "kms" if value.starts_with("arn:") => kms_key = Some(value.into_owned()),
            "kms" => {
                return Err("`kms` takes the ARN of a key: `arn:aws:kms:REGION:ACCOUNT:key/ID`");
            }
            _ => return Err("only `?kms=KEY_ARN` may stand behind the place"),
        }
    }
    Ok(S3Address { bucket: bucket.to_owned(), prefix, kms_key })
}

/// Source: Amazon S3 user guide, "General purpose bucket naming rules".
fn is_bucket(name: &str) -> bool {
    let is_end = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let (first, last) = (name.bytes().next(), name.bytes().last());
    (3..=63).contains(&name.len())
        && first.is_some_and(is_end)
        && last.is_some_and(is_end)
        && name.bytes().all(|it| is_end(it) || matches!(it, b'.' | b'-'))
}

fn folder(rest: &str) -> Result<PathBuf, &'static str> {
    // `file:///data` names the same folder as `file:/data`.
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err("a folder is of this machine: write `file:/data/blobs`"),
        None => rest,
    };
    if path.is_empty() || path == "/" {
        return Err("it names no folder: write such as `file:data/blobs`");
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_prefix_key_and_folder_are_read() {
        let BlobAddress::S3(whole) = BlobAddress::parse(
            "s3://dev-documents/cases/a b?kms=arn:aws:kms:eu-west-1:123456789012:key/1",
        )
        .unwrap() else {
            panic!("not S3")
        };
        assert_eq!(
            BlobAddress::S3(whole.clone()).to_string(),
            "s3://dev-documents/cases/a b?kms=arn:aws:kms:eu-west-1:123456789012:key/1"
        );
        assert_eq!(whole.bucket, "dev-documents");
        assert_eq!(whole.prefix.unwrap().as_str(), "cases/a b");
        assert_eq!(whole.kms_key.unwrap(), "arn:aws:kms:eu-west-1:123456789012:key/1");

        let bare = S3Address { bucket: "dev".to_owned(), prefix: None, kms_key: None };
        for raw in ["s3://dev", "s3://dev/"] {
            assert_eq!(BlobAddress::parse(raw).unwrap(), BlobAddress::S3(bare.clone()));
        }
        for (raw, path) in
            [("file:data/blobs", "data/blobs"), ("file:/data", "/data"), ("file:///data", "/data")]
        {
            assert_eq!(BlobAddress::parse(raw).unwrap(), BlobAddress::Folder(path.into()));
        }
    }

    #[test]
    fn malformed_address_says_what_to_write() {
        for (raw, fix) in [
            ("documents", "write `s3://BUCKET/PREFIX` or `file:FOLDER`"),
            ("s3:documents", "write `s3://"),
            ("s3://", "a bucket has"),
            ("s3://Documents", "a bucket has"),
            ("s3://documents/a//b", "whole segments"),
            ("s3://documents/../a", "whole segments"),
            ("s3://documents?kms=alias/x", "the ARN of a key"),
            ("s3://documents?region=x", "only `?kms="),
            ("file:", "names no folder"),
            ("file://host/data", "of this machine"),
        ] {
            let error = BlobAddress::parse(raw).unwrap_err().to_string();
            assert!(error.contains(fix) && error.contains(raw), "{error}");
        }
    }
}
