//! Hides what must not reach the warehouse.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::model::FieldValue;
use crate::secret::Secret;
use crate::sync::digest::hex;

/// How a value is hidden before it leaves for the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// No value.
    Null,
    /// The word `redacted`, where there is a value.
    Redact,
    /// A keyed digest: equal values stay equal, and nobody without the key can tell which.
    Hash,
    /// The last four characters.
    Last4,
    /// The year of a day or an instant.
    Year,
    /// What stands behind the `@` of an address.
    Domain,
}

impl Mask {
    /// Hides `value`; `key` is that of [`Mask::Hash`].
    pub fn hide(self, value: &FieldValue, key: &Secret) -> FieldValue {
        if value.is_null() {
            return FieldValue::Null;
        }
        let text = value.to_string();
        match self {
            Self::Null => FieldValue::Null,
            Self::Redact => FieldValue::Text("redacted".to_owned()),
            Self::Hash => keyed_digest(&text, key),
            Self::Last4 => {
                let start = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
                // Of a shorter text nothing would be hidden.
                match start {
                    0 => FieldValue::Text("redacted".to_owned()),
                    start => FieldValue::text(text.get(start..).unwrap_or_default()),
                }
            }
            Self::Year => match text.get(..4).filter(|it| it.bytes().all(|b| b.is_ascii_digit())) {
                Some(year) => FieldValue::Text(year.to_owned()),
                None => FieldValue::Null,
            },
            Self::Domain => match text.rsplit_once('@') {
                Some((_, domain)) => FieldValue::text(domain),
                None => FieldValue::Null,
            },
        }
    }
}

/// Half of the digest is plenty: 128 bits never collide by chance.
fn keyed_digest(text: &str, key: &Secret) -> FieldValue {
    match Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            let digest = mac.finalize().into_bytes();
            FieldValue::Text(hex(digest.get(..16).unwrap_or_default()))
        }
        // A key of any length is taken.
        Err(_) => FieldValue::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(mask: Mask, value: &str) -> FieldValue {
        mask.hide(&FieldValue::text(value), &Secret::new("k".to_owned()))
    }

    #[test]
    fn each_mask_leaves_what_it_says() {
        assert_eq!(hide(Mask::Null, "Ada"), FieldValue::Null);
        assert_eq!(hide(Mask::Redact, "Ada"), FieldValue::text("redacted"));
        assert_eq!(hide(Mask::Last4, "+49 30 123456"), FieldValue::text("3456"));
        assert_eq!(hide(Mask::Last4, "3456"), FieldValue::text("redacted"));
        assert_eq!(hide(Mask::Year, "1979-05-01"), FieldValue::text("1979"));
        assert_eq!(hide(Mask::Domain, "ada@firm.example"), FieldValue::text("firm.example"));
    }

    #[test]
    fn hash_is_equal_for_equal_values_and_depends_on_the_key() {
        let value = FieldValue::text("Ada");
        let with = |key: &str| Mask::Hash.hide(&value, &Secret::new(key.to_owned()));
        assert_eq!(with("k"), with("k"));
        assert_ne!(with("k"), with("other"));
        assert!(!with("k").to_string().contains("Ada"));
    }

    #[test]
    fn nothing_stays_nothing() {
        for mask in [Mask::Redact, Mask::Hash, Mask::Last4, Mask::Year, Mask::Domain] {
            assert!(mask.hide(&FieldValue::Null, &Secret::new("k".to_owned())).is_null());
        }
    }
}
