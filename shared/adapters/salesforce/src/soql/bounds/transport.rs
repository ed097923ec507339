//! How a query travels, which decides how long it may be.

use super::fault::BoundFault;

/// Longest request line and headers together, in bytes. Source: REST API guide, "URI length".
const MAX_HEAD_BYTES: usize = 16_384;

/// How a query travels to the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In the address of a `GET`, which shares 16,384 bytes with the headers.
    Address {
        /// What the rest of the request's head takes: method, host, path, headers.
        n_other_bytes: usize,
    },
    /// In the body of a composite request.
    Body,
    /// As a query job of Bulk API 2.0.
    Bulk,
}

impl Transport {
    /// Returns how many bytes a percent-encoded query may take; `None` where only its characters
    /// count.
    pub fn max_encoded_bytes(self) -> Option<usize> {
        match self {
            Self::Address { n_other_bytes } => Some(MAX_HEAD_BYTES.saturating_sub(n_other_bytes)),
            Self::Body | Self::Bulk => None,
        }
    }

    pub(super) fn check_length(self, soql: &str) -> Result<(), BoundFault> {
        let Some(max_bytes) = self.max_encoded_bytes() else { return Ok(()) };
        match encoded_bytes(soql) {
            n_bytes if n_bytes > max_bytes => {
                Err(BoundFault::AddressTooLong { n_bytes, max_bytes })
            }
            _ => Ok(()),
        }
    }
}

/// Counts the bytes of `text` as a form value in an address, as the `url` crate writes it: letters,
/// digits and `*-._` as they are, a space as `+`, every other byte as `%XX`.
/// Source: URL standard, "application/x-www-form-urlencoded percent-encode set".
pub fn encoded_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b' ' | b'*' | b'-' | b'.' | b'_' => 1,
            byte if byte.is_ascii_alphanumeric() => 1,
            _ => 3,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::form_urlencoded::byte_serialize;

    use super::*;

    proptest! {
        #[test]
        fn length_in_an_address_is_counted_as_it_will_be(text in any::<String>()) {
            let encoded: usize = byte_serialize(text.as_bytes()).map(str::len).sum();
            prop_assert_eq!(encoded_bytes(&text), encoded);
        }
    }

    #[test]
    fn room_in_an_address_is_what_the_headers_leave() {
        let transport = Transport::Address { n_other_bytes: 16_380 };
        assert_eq!(transport.max_encoded_bytes(), Some(4));
        assert!(transport.check_length("a b ").is_ok());
        let fault = transport.check_length("a='").unwrap_err();
        assert_eq!(fault, BoundFault::AddressTooLong { n_bytes: 7, max_bytes: 4 });
        assert!(fault.to_string().contains("Bulk"), "{fault}");
    }
}
