//! A whole answer over HTTP/1.1.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// The time that answers with a date of their own tell, in seconds since 1970: any will do, and a
/// fixed one makes the same bytes every time.
const A_DAY: u64 = 1_800_000_000;

/// One answer: a status, headers and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Answers `status` with no body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Answers 200 with `json`.
    pub fn json(json: impl Into<String>) -> Self {
        Self::status(200).with_body("application/json", json.into())
    }

    /// Answers 200 with a page of HTML, as a proxy or a login page does where JSON was expected.
    pub fn html(html: impl Into<String>) -> Self {
        Self::status(200).with_body("text/html; charset=utf-8", html.into())
    }

    /// Answers 302 to `location`.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).with_header("location", location)
    }

    /// Answers 429 and asks to wait so many seconds.
    pub fn slow_down(seconds: u64) -> Self {
        Self::status(429).with_header("retry-after", &seconds.to_string())
    }

    /// Answers 429 and asks to wait until a date, that long after the date of the answer.
    pub fn slow_down_until(wait: Duration) -> Self {
        let now = UNIX_EPOCH + Duration::from_secs(A_DAY);
        Self::status(429)
            .with_header("date", &httpdate::fmt_http_date(now))
            .with_header("retry-after", &httpdate::fmt_http_date(now + wait))
    }

    /// Answers 200 with a few bytes that unpack to `n_bytes` of zeros.
    pub fn gzip_bomb(n_bytes: usize) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let block = vec![0; 64 * 1024];
        let mut left = n_bytes;
        while left > 0 {
            let part = block.get(..left.min(block.len())).unwrap_or(&block);
            // Writing to memory does not fail.
            if encoder.write_all(part).is_err() {
                break;
            }
            left -= part.len();
        }
        let bomb = encoder.finish().unwrap_or_default();
        Self::status(200)
            .with_body("application/json", bomb)
            .with_header("content-encoding", "gzip")
    }

    /// Sets the body and its type.
    #[must_use]
    pub fn with_body(self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }.with_header("content-type", kind)
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; the same name twice gives two lines.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Cuts the body in half and says that this is all of it: clean HTTP around broken content.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// Returns the head, with the length of the whole body.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status >= 200 && self.status != 204 && self.status != 304 {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Returns the first half of the body.
    pub(crate) fn first_half(&self) -> &[u8] {
        self.body.get(..self.body.len() / 2).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bomb_is_small_before_it_is_unpacked() {
        assert!(Answer::gzip_bomb(4 * 1024 * 1024).body.len() < 8 * 1024);
    }

    #[test]
    fn same_answer_gives_the_same_bytes() {
        let answer = Answer::slow_down_until(Duration::from_secs(90));
        let head = String::from_utf8(answer.head()).unwrap();
        assert_eq!(
            head,
            "HTTP/1.1 429 Scripted\r\ndate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\
             retry-after: Fri, 15 Jan 2027 08:01:30 GMT\r\ncontent-length: 0\r\n\r\n"
        );
    }
}
