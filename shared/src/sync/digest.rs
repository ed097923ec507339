//! A digest of many records that does not depend on their order.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ids::EntityId;
use crate::model::{FieldValue, Fields, RecordKey};
use crate::ports::StoreDigest;

/// Sums up records into a [`StoreDigest`], one at a time.
///
/// Two sides that hold the same records reach the same sum in whatever order they add them. A field
/// that is `Null` counts like one that is absent.
#[derive(Clone, Debug, Default)]
pub struct DigestSum {
    n_records: u64,
    /// Big endian, modulo 2^256.
    sum: [u8; 32],
    line: Vec<u8>,
}

/// One record as the canonical line that is hashed: a JSON list, so that no two records share one.
#[derive(Serialize)]
struct Line<'a>(&'a str, &'a str, &'a str, bool, BTreeMap<&'a str, &'a FieldValue>);

impl DigestSum {
    /// Adds one record: its key, whether it is deleted, and its mapped fields by remote name.
    pub fn add(&mut self, key: &RecordKey, is_deleted: bool, fields: &Fields) {
        let present = fields.iter().filter(|(_, value)| !value.is_null());
        let line = Line(
            key.connection.as_str(),
            key.object.as_str(),
            key.record_id.as_str(),
            is_deleted,
            present.map(|(name, value)| (name.as_str(), value)).collect(),
        );
        self.line.clear();
        // Writing text, numbers and a map with text keys into memory cannot fail.
        let written = serde_json::to_writer(&mut self.line, &line);
        debug_assert!(written.is_ok(), "a record is always JSON");
        self.add_line();
    }

    /// Adds one imported item: where it came from, its id, and all its details as JSON text.
    pub fn add_item(&mut self, source: &str, id: &EntityId, details: &str) {
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, &(source, id.as_str(), details));
        debug_assert!(written.is_ok(), "text is always JSON");
        self.add_line();
    }

    fn add_line(&mut self) {
        let hash = Sha256::digest(&self.line);
        let mut carry = 0_u16;
        for (total, byte) in self.sum.iter_mut().zip(hash.iter()).rev() {
            let [high, low] = (u16::from(*total) + u16::from(*byte) + carry).to_be_bytes();
            *total = low;
            carry = u16::from(high);
        }
        self.n_records += 1;
    }

    /// Returns how many records were added.
    pub fn n_records(&self) -> u64 {
        self.n_records
    }

    /// Returns the digest of what was added.
    pub fn finish(&self) -> StoreDigest {
        StoreDigest { n_records: self.n_records, sum: hex(&self.sum) }
    }
}

/// Writes `bytes` in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|nibble| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{ConnectionId, ObjectName, RecordId};

    fn record(number: u8) -> (RecordKey, Fields) {
        let key = RecordKey {
            connection: ConnectionId::parse("main").unwrap(),
            object: ObjectName::parse("Case").unwrap(),
            record_id: RecordId::parse(format!("500{number}")).unwrap(),
        };
        let fields = Fields::from([("Subject".to_owned(), FieldValue::text(&number.to_string()))]);
        (key, fields)
    }

    fn digest(numbers: &[u8]) -> StoreDigest {
        let mut sum = DigestSum::default();
        for (key, fields) in numbers.iter().map(|number| record(*number)) {
            sum.add(&key, false, &fields);
        }
        sum.finish()
    }

    #[test]
    fn single_record_is_the_hash_of_its_line() {
        let line = r#"["main","Case","5007",false,{"Subject":"7"}]"#;

        assert_eq!(digest(&[7]).sum, hex(&Sha256::digest(line)));
    }

    #[test]
    fn null_counts_like_an_absent_field() {
        let (key, mut fields) = record(7);
        fields.insert("Reason".to_owned(), FieldValue::Null);
        let mut sum = DigestSum::default();
        sum.add(&key, false, &fields);

        assert_eq!(sum.finish(), digest(&[7]));
    }

    #[test]
    fn deleting_a_record_changes_the_sum() {
        let (key, fields) = record(7);
        let mut sum = DigestSum::default();
        sum.add(&key, true, &fields);

        assert_ne!(sum.finish(), digest(&[7]));
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_every_record_counts(
            numbers in proptest::collection::vec(any::<u8>(), 1..30)
        ) {
            let mut backwards = numbers.clone();
            backwards.reverse();
            prop_assert_eq!(digest(&numbers), digest(&backwards));
            prop_assert_ne!(digest(&numbers).sum, digest(numbers.get(1..).unwrap()).sum);
        }
    }
}
