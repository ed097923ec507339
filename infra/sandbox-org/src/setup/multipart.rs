//! Bodies of several parts. Source: RFC 2046, section 5.1.

/// A part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyPart<'a> {
    /// Its name, from `Content-Disposition`.
    pub(super) name: &'a str,
    /// What it holds.
    pub(super) bytes: &'a [u8],
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

/// Cuts a body into its parts; the first line is the boundary. Nothing when it has none.
pub(super) fn parts(body: &[u8]) -> Option<Vec<BodyPart<'_>>> {
    let line = body.get(..find(body, b"\r\n")?)?;
    if !line.starts_with(b"--") || line.len() < 3 {
        return None;
    }
    let delimiter = [b"\r\n", line].concat();
    let mut parts = Vec::new();
    let mut rest = body.get(line.len()..)?;
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, &delimiter)?;
        let part = rest.get(..end)?;
        let head_end = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(part.get(..head_end)?).ok()?;
        parts.push(BodyPart { name: name(head)?, bytes: part.get(head_end + 4..)? });
        rest = rest.get(end + delimiter.len()..)?;
    }
}

fn name(head: &str) -> Option<&str> {
    let line =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let quoted = line.split(';').find_map(|part| part.trim().strip_prefix("name="))?;
    Some(quoted.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_at_the_boundary() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json\r\n\r\n{}\r\n\
                     --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n\x00--\r\n\xff\r\n--x--\r\n";

        let parts = parts(body).unwrap();

        let expected = [("json", &b"{}"[..]), ("file", &b"\x00--\r\n\xff"[..])];
        assert_eq!(parts.iter().map(|part| (part.name, part.bytes)).collect::<Vec<_>>(), expected);
        assert!(super::parts(b"{}").is_none());
        assert!(super::parts(b"--x\r\nno end").is_none());
    }
}
