//! A ZIP archive of a few small files, unpacked inside. Source: APPNOTE.TXT 6.3, sections 4.3 and 4.4.

use flate2::Crc;

/// Version 2.0 of the format; names in UTF-8; nothing packed; 1 January 1980, as nothing depends on it.
const COMMON: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];

/// Writes an archive of `files`: names and contents.
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let at = number(archive.len());
        let mut crc = Crc::new();
        crc.update(content);
        let size = number(content.len());
        let sizes = [crc.sum().to_le_bytes(), size, size].concat();
        let name_len = short(name.len());
        for part in
            [b"PK\x03\x04", &COMMON[..], &sizes, &name_len, &[0, 0], name.as_bytes(), content]
        {
            archive.extend_from_slice(part);
        }
        for part in
            [b"PK\x01\x02\x14\0", &COMMON[..], &sizes, &name_len, &[0; 12], &at, name.as_bytes()]
        {
            directory.extend_from_slice(part);
        }
    }
    let (n_files, at, len) = (short(files.len()), number(archive.len()), number(directory.len()));
    archive.append(&mut directory);
    for part in [b"PK\x05\x06\0\0\0\0", &n_files[..], &n_files, &len, &at, &[0, 0]] {
        archive.extend_from_slice(part);
    }
    archive
}

/// Files are far smaller than 4 GiB: they are made here.
fn number(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}

fn short(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn archive_has_the_records_of_its_files_in_their_places() {
        let archive = archive(&[("a.xml", b"<a/>"), ("b/c.xml", "<ü/>".as_bytes())]);
        assert!(archive.starts_with(b"PK\x03\x04\x14\0\0\x08\0\0"));
        let end = archive.len() - 22;
        assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
        let at = u32::from_le_bytes(archive[end + 16..end + 20].try_into().unwrap()) as usize;
        let len = u32::from_le_bytes(archive[end + 12..end + 16].try_into().unwrap()) as usize;
        assert_eq!((&archive[at..at + 4], at + len), (&b"PK\x01\x02"[..], end));
    }

    #[test]
    fn archive_is_read_by_another_program() {
        let file = std::env::temp_dir().join(format!("moodbridge-{}.zip", std::process::id()));
        std::fs::write(&file, archive(&[("a.xml", b"<a/>"), ("b/c.xml", "<ü/>".as_bytes())]))
            .unwrap();
        let program = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                       assert z.testzip() is None; \
                       print(z.namelist(), z.read('b/c.xml').decode('utf-8'))";
        let read = Command::new("python3").args(["-c", program]).arg(&file).output();
        std::fs::remove_file(&file).unwrap();
        let Ok(read) = read else { return };
        let said = String::from_utf8_lossy(&read.stdout);
        assert_eq!(
            said.trim(),
            "['a.xml', 'b/c.xml'] <ü/>",
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
    }
}
