//! Small jobs come in one request: the job and its rows in two parts.

use crate::api::ApiError;

/// Longest content of such a job, in characters. Source: Bulk API 2.0 guide, multipart request.
pub(super) const MAX_CONTENT: usize = 100_000;

/// Reads the boundary out of a `multipart/form-data` content type.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    Some(value.trim_matches('"')).filter(|text| !text.is_empty())
}

/// Finds the parts `job` and `content`.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<(&'a [u8], &'a [u8]), ApiError> {
    let line = format!("--{boundary}");
    let (mut job, mut content) = (None, None);
    let mut rest = body;
    while let Some(at) = find(rest, line.as_bytes()) {
        let part = rest.get(at + line.len()..).unwrap_or_default();
        let end = find(part, line.as_bytes()).unwrap_or(part.len());
        let (this, later) = part.split_at(end);
        rest = later;
        let Some(head_end) = find(this, b"\r\n\r\n") else { continue };
        let (head, value) = this.split_at(head_end);
        let value = value.get(4..).unwrap_or_default();
        let value = value.strip_suffix(b"\r\n").unwrap_or(value);
        let head = String::from_utf8_lossy(head);
        // The space tells `name` from `filename`.
        let is = |name: &str| head.contains(&format!(" name=\"{name}\""));
        if is("job") {
            job = Some(value);
        } else if is("content") {
            content = Some(value);
        }
    }
    let missing = |name: &str| {
        ApiError::new(400, "CLIENTINPUTERROR", format!("the request has no part `{name}`"))
    };
    let content = content.ok_or_else(|| missing("content"))?;
    if String::from_utf8_lossy(content).chars().count() > MAX_CONTENT {
        let message = format!("the content of such a request has at most {MAX_CONTENT} characters");
        return Err(ApiError::new(400, "CLIENTINPUTERROR", message));
    }
    Ok((job.ok_or_else(|| missing("job"))?, content))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n\
        {\"object\":\"Contact\"}\r\n\r\n--B\r\nContent-Type: text/csv\r\n\
        Content-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\nLastName\nDoe\n\r\n--B--\r\n";

    #[test]
    fn both_parts_are_found() {
        let named = boundary("multipart/form-data; boundary=\"B\"").unwrap();
        let (job, content) = parts(BODY, named).unwrap();

        assert_eq!(job, b"{\"object\":\"Contact\"}\r\n");
        assert_eq!(content, b"LastName\nDoe\n");
    }

    #[test]
    fn missing_part_is_named() {
        let body = String::from_utf8(BODY.to_vec()).unwrap().replace("\"content\";", "\"rows\";");

        assert!(parts(body.as_bytes(), "B").is_err());
        assert!(boundary("application/json").is_none());
        assert!(boundary("multipart/form-data").is_none());
    }
}
