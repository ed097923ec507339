//! Record ids: 15 case-sensitive characters, written with a three-letter checksum.

use std::fmt;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// An id of this org, compared on its 15 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordId([u8; 15]);

impl RecordId {
    /// Makes the id of the `n`-th row of the object with this key `prefix`.
    #[must_use]
    pub(crate) fn new(prefix: [u8; 3], n: u64) -> Self {
        let mut bytes = *b"000Mb0000000000";
        for (target, source) in bytes.iter_mut().zip(prefix) {
            *target = source;
        }
        let mut rest = n;
        for target in bytes.iter_mut().skip(6).rev() {
            *target = digit(rest % 62);
            rest /= 62;
        }
        Self(bytes)
    }

    /// The "empty id", which names no row.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self([b'0'; 15])
    }

    /// Reads the 15 or 18 character form; the checksum of the longer one must be right.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = text.as_bytes();
        if !matches!(all.len(), 15 | 18) || !all.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let id = Self(all.get(..15)?.try_into().ok()?);
        let suffix = all.get(15..)?;
        (suffix.is_empty() || suffix.eq_ignore_ascii_case(&id.checksum())).then_some(id)
    }

    /// Returns the three characters that name the object.
    #[must_use]
    pub(crate) fn prefix(&self) -> [u8; 3] {
        let [a, b, c, ..] = self.0;
        [a, b, c]
    }

    /// Returns the number this id was made from.
    #[must_use]
    pub(crate) fn number(&self) -> u64 {
        self.0.iter().skip(6).fold(0_u64, |sum, byte| {
            let value = DIGITS.iter().position(|d| d == byte).unwrap_or(0);
            sum.saturating_mul(62).saturating_add(value as u64)
        })
    }

    /// Returns the 15-character form.
    #[must_use]
    pub(crate) fn short(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn checksum(&self) -> [u8; 3] {
        let mut suffix = [b'A'; 3];
        for (target, block) in suffix.iter_mut().zip(self.0.chunks(5)) {
            let bits = block
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .fold(0_usize, |sum, (bit, _)| sum | (1 << bit));
            *target = CHECKSUM.get(bits).copied().unwrap_or(b'A');
        }
        suffix
    }
}

fn digit(value: u64) -> u8 {
    usize::try_from(value).ok().and_then(|idx| DIGITS.get(idx)).copied().unwrap_or(b'0')
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())?;
        f.write_str(std::str::from_utf8(&self.checksum()).unwrap_or_default())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_the_one_of_recorded_ids() {
        for (short, suffix) in [
            ("001ak00000OQTie", "AAH"),
            ("003bm000016htgP", "AAQ"),
            ("0015f00002J9YYE", "AA3"),
            ("005bm000005uORO", "AA2"),
            ("000000000000000", "AAA"),
        ] {
            assert_eq!(RecordId::parse(short).unwrap().to_string(), format!("{short}{suffix}"));
        }
    }

    #[test]
    fn wrong_checksum_is_refused() {
        assert!(RecordId::parse("001ak00000OQTieAAA").is_none());
        assert!(RecordId::parse("001ak00000OQTi").is_none());
        assert!(RecordId::parse("001ak00000OQTi'").is_none());
    }

    #[test]
    fn number_comes_back_and_order_follows_it() {
        let (low, high) = (RecordId::new(*b"500", 61), RecordId::new(*b"500", 62));

        assert!(low < high);
        assert_eq!(high.number(), 62);
    }
}
