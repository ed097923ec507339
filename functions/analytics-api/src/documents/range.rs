//! The header `Range`, for one range of bytes (RFC 9110, section 14).

use shared::ports::ByteRange;

/// What a request asks of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// The bytes from the first place up to the second one, which is not among them.
    Part(u64, u64),
    /// Nothing that it has.
    Nothing,
}

impl Asked {
    /// Reads `header` about `n_bytes`. What is malformed, of another unit, or asks for several ranges
    /// counts as not given.
    pub(super) fn read(header: Option<&str>, n_bytes: u64) -> Self {
        let range = header.and_then(|it| it.trim().strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|it| it.split_once('-')) else {
            return Self::Whole;
        };
        let number = |text: &str| -> Option<u64> {
            text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
        };
        let (from, until) = match (first.trim(), last.trim()) {
            ("", last) => match number(last) {
                Some(n) if !last.is_empty() => (n_bytes.saturating_sub(n), n_bytes),
                _ => return Self::Whole,
            },
            (first, "") => match number(first) {
                Some(from) => (from, n_bytes),
                None => return Self::Whole,
            },
            (first, last) => match (number(first), number(last)) {
                (Some(from), Some(last)) if from <= last => {
                    (from, last.saturating_add(1).min(n_bytes))
                }
                _ => return Self::Whole,
            },
        };
        if from < until { Self::Part(from, until) } else { Self::Nothing }
    }

    /// Returns the range that is read.
    pub(super) fn range(self) -> Option<ByteRange> {
        match self {
            Self::Part(from, until) => Some(ByteRange { from, until: Some(until) }),
            Self::Whole | Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_cut_at_the_end() {
        for (header, asked) in [
            ("bytes=0-3", Asked::Part(0, 4)),
            ("bytes=2-", Asked::Part(2, 10)),
            ("bytes=2-99", Asked::Part(2, 10)),
            ("bytes=-3", Asked::Part(7, 10)),
            ("bytes=-99", Asked::Part(0, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=3-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=a-", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("bytes=0-18446744073709551615", Asked::Part(0, 10)),
            ("bytes=0-99999999999999999999", Asked::Whole),
        ] {
            assert_eq!(Asked::read(Some(header), 10), asked, "{header}");
        }
        assert_eq!(Asked::read(None, 10), Asked::Whole);
        assert_eq!(Asked::read(Some("bytes=0-"), 0), Asked::Nothing);
    }
}
