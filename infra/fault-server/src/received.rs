//! What the server was asked.

/// One request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number, from 1, over all connections.
    pub number: usize,
    /// The number of its connection, from 1.
    pub connection: usize,
    /// The method, such as `GET`.
    pub method: String,
    /// The path.
    pub path: String,
    /// What stands after the question mark, empty when there is none.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// Returns the first value of the header `name`, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text, broken characters replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the head of a request; `None` when it is not HTTP.
    pub(crate) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?, first.next()?);
        if !first.next()?.starts_with("HTTP/1.") {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self {
            number: 0,
            connection: 0,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_read_with_names_in_lower_case() {
        let head = "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Two:  words here \r\n\r\n";
        let received = Received::parse(head).unwrap();
        assert_eq!((&*received.method, &*received.path, &*received.query), ("POST", "/a/b", "c=d"));
        assert_eq!(received.header("x-two"), Some("words here"));
        assert_eq!(Received::parse("\u{16}\u{3}garbage"), None);
    }
}
