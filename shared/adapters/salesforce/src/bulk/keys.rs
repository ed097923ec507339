//! Knows a set of keys again without keeping them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::ids::SalesforceId;

use super::csv::ColumnKind;
use crate::number::{Number, read_number};

/// The sum of the marks of a set of keys: the same for the same keys in whatever order, and for no
/// other set that is likely to come. Its size does not grow with the set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDigest {
    n_keys: u64,
    /// The sum of the first 128 bits of each key's SHA-256, as hex digits.
    #[serde(with = "hex")]
    sum: u128,
}

impl KeyDigest {
    /// Adds a key.
    pub(super) fn add(&mut self, key: &str) {
        let digest = Sha256::digest(key.as_bytes());
        let mark = digest.iter().take(16).fold(0_u128, |mark, byte| mark << 8 | u128::from(*byte));
        self.n_keys += 1;
        self.sum = self.sum.wrapping_add(mark);
    }

    /// Adds every key of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.n_keys += other.n_keys;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// Returns how many keys were added.
    pub(super) fn n_keys(&self) -> u64 {
        self.n_keys
    }
}

/// Returns the one form of a key: results write numbers and ids in another form than they were sent.
pub(super) fn canonical(key: &str, kind: ColumnKind, is_id: bool) -> String {
    if is_id && let Ok(id) = SalesforceId::parse(key) {
        return id.into();
    }
    match (kind, read_number(key)) {
        (ColumnKind::Number, Some(Number::Whole(whole))) => whole.to_string(),
        (ColumnKind::Number, Some(Number::Part(part))) => part.to_string(),
        _ => key.to_owned(),
    }
}

mod hex {
    //! A 128-bit number as hex digits, which JSON keeps whole.

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{sum:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(keys: &[&str]) -> KeyDigest {
        let mut digest = KeyDigest::default();
        keys.iter().for_each(|it| digest.add(it));
        digest
    }

    #[test]
    fn order_does_not_count_but_every_key_does_and_how_often() {
        assert_eq!(digest(&["a", "b", "c"]), digest(&["c", "a", "b"]));
        for other in [&["a", "b"][..], &["a", "b", "d"], &["a", "b", "b"], &["ab", "c", ""]] {
            assert_ne!(digest(&["a", "b", "c"]), digest(other), "{other:?}");
        }
        let json = serde_json::to_string(&digest(&["a"])).unwrap();
        assert_eq!(serde_json::from_str::<KeyDigest>(&json).unwrap(), digest(&["a"]));
    }

    #[test]
    fn number_and_id_are_known_in_their_other_forms() {
        assert_eq!(canonical("9.12260031E8", ColumnKind::Number, false), "912260031");
        assert_eq!(canonical("9.12260031E8", ColumnKind::Text, false), "9.12260031E8");
        assert_eq!(canonical("5005f00002J9YYE", ColumnKind::Text, true), "5005f00002J9YYEAA3");
        assert_eq!(canonical("5005f00002J9YYE", ColumnKind::Text, false), "5005f00002J9YYE");
    }
}
