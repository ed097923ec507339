//! Reads ZIP archives. Source: PKWARE APPNOTE 6.3.10, sections 4.3.6 to 4.3.16.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// Most files of a package, and its longest size in bytes. Source: Metadata API guide, limits.
const MAX_FILES: usize = 10_000;
const MAX_BYTES: u64 = 400 * 1024 * 1024;

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZippedFile {
    /// Its path, with slashes.
    pub(super) name: String,
    /// What it holds.
    pub(super) bytes: Vec<u8>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let pair: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(pair)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(four)).ok()
}

/// Unpacks all files; nothing when the archive is none, is encrypted, or holds too much.
pub(super) fn unzip(archive: &[u8]) -> Option<Vec<ZippedFile>> {
    // The end record stands last, behind it at most a comment.
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let n_files = u16_at(archive, end + 10)?;
    let mut at = u32_at(archive, end + 16)?;
    if n_files > MAX_FILES {
        return None;
    }
    let mut left = MAX_BYTES;
    let mut files = Vec::with_capacity(n_files);
    for _ in 0..n_files {
        let entry = archive.get(at..)?;
        if entry.get(..4)? != b"PK\x01\x02" {
            return None;
        }
        let (name_len, extra_len, comment_len) =
            (u16_at(entry, 28)?, u16_at(entry, 30)?, u16_at(entry, 32)?);
        let name = String::from_utf8_lossy(entry.get(46..46 + name_len)?).into_owned();
        let is_encrypted = u16_at(entry, 8)? & 1 == 1;
        if is_encrypted {
            return None;
        }
        let packed = packed(archive, entry)?;
        if !name.ends_with('/') {
            let bytes = match u16_at(entry, 10)? {
                0 => packed.to_vec(),
                8 => inflate(packed, left)?,
                _ => return None,
            };
            left = left.checked_sub(u64::try_from(bytes.len()).ok()?)?;
            files.push(ZippedFile { name: name.replace('\\', "/"), bytes });
        }
        at += 46 + name_len + extra_len + comment_len;
    }
    Some(files)
}

/// Finds the packed bytes that an entry of the directory means.
fn packed<'a>(archive: &'a [u8], entry: &[u8]) -> Option<&'a [u8]> {
    let local = archive.get(u32_at(entry, 42)?..)?;
    if local.get(..4)? != b"PK\x03\x04" {
        return None;
    }
    let start = 30 + u16_at(local, 26)? + u16_at(local, 28)?;
    local.get(start..start + u32_at(entry, 20)?)
}

fn inflate(packed: &[u8], max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let n = DeflateDecoder::new(packed).take(max + 1).read_to_end(&mut bytes).ok()?;
    (u64::try_from(n).ok()? <= max).then_some(bytes)
}
