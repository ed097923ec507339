//! Names of blobs, and of what is known about them.

use std::fmt;

use crate::ids::{EntityId, text_id};

text_id!(
    /// The name of a blob, such as `cases/500A/contract.pdf`: 1 to 1024 bytes of UTF-8 in segments
    /// that `/` parts, none of them empty, `.` or `..`, without control characters.
    ///
    /// The longest is what S3 takes. Source: Amazon S3 user guide, "Naming Amazon S3 objects".
    BlobKey,
    "a blob's key: 1 to 1024 bytes in segments parted by `/`, none of them empty, `.` or `..`, without control characters",
    |raw| {
        raw.len() <= 1024
            && !raw.chars().any(char::is_control)
            && raw.split('/').all(|it| !matches!(it, "" | "." | ".."))
    }
);

impl BlobKey {
    /// What the keys of documents begin with.
    pub(super) const DOCUMENTS: &'static str = "documents/";

    /// Names the bytes of the document `id`.
    pub(super) fn of_document(id: &EntityId) -> Self {
        Self(format!("{}{id}", Self::DOCUMENTS))
    }
}

text_id!(
    /// A media type, such as `application/pdf`: 3 to 255 visible ASCII characters or spaces, with a
    /// `/` between type and subtype.
    MediaType,
    "a media type, such as `application/pdf`",
    |raw| {
        raw.len() <= 255
            && raw.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
            && raw.split_once('/').is_some_and(|(kind, rest)| {
                let is_named = |it: &str| it.starts_with(|c: char| c.is_ascii_alphanumeric());
                is_named(kind) && is_named(rest)
            })
    }
);

impl Default for MediaType {
    /// Bytes of no known type.
    fn default() -> Self {
        Self("application/octet-stream".to_owned())
    }
}

text_id!(
    /// Tells one state of a blob from another, in the store's own words: 1 to 1024 visible ASCII
    /// characters. Of S3 it is the entity tag.
    BlobVersion,
    "a blob's version: 1 to 1024 visible ASCII characters",
    |raw| (1..=1024).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// Names an upload in parts, in the store's own words: 1 to 2048 visible ASCII characters.
    UploadId,
    "the id of an upload: 1 to 2048 visible ASCII characters",
    |raw| (1..=2048).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic())
);

text_id!(
    /// Names a part that was taken, in the store's own words: 1 to 1024 visible ASCII characters.
    PartTag,
    "the tag of a part: 1 to 1024 visible ASCII characters",
    |raw| (1..=1024).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_graphic())
);

/// An upload in parts. It can be saved, and gone on with by another process.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Upload {
    /// The blob that it makes.
    pub key: BlobKey,
    /// The store's name for it.
    pub id: UploadId,
}

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_has_whole_segments_and_no_control_characters() {
        for raw in ["a", "cases/500A/a b+ä%.pdf", "..a/b..", "a/.hidden", &"ü".repeat(512)] {
            assert_eq!(BlobKey::parse(raw).unwrap().as_str(), raw);
        }
        let long = "x".repeat(1025);
        for raw in ["", "/a", "a/", "a//b", ".", "a/../b", "a/./b", "a\nb", "a\u{85}b", &long] {
            assert!(BlobKey::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn media_type_is_two_names_and_no_header_of_its_own() {
        for raw in ["text/plain", "text/plain; charset=utf-8", "application/vnd.x+json"] {
            assert!(MediaType::parse(raw).is_ok(), "{raw}");
        }
        for raw in ["", "text", "/plain", "text/", "text/plain\r\nx: y", "täxt/plain"] {
            assert!(MediaType::parse(raw).is_err(), "{raw:?}");
        }
    }
}
