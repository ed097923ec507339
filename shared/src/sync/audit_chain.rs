//! The hash that chains each audit row to the one before.

use sha2::{Digest, Sha256};

use super::digest::hex;
use crate::error::chain;
use crate::ports::{AuditFault, AuditVerification};

/// Marks the encoding below, so that a later one can never be mistaken for it.
const ENCODING: &[u8] = b"moodbridge audit row 1";

/// The columns of one audit row exactly as they are stored.
#[derive(Clone, Copy, Debug)]
pub struct AuditColumns<'a> {
    /// Its number.
    pub seq: u64,
    /// When it was committed, in milliseconds since 1970.
    pub at: i64,
    /// Who did it.
    pub actor: &'a str,
    /// What it did.
    pub kind: &'a str,
    /// The kind of row that changed.
    pub entity: &'a str,
    /// The row that changed.
    pub entity_id: &'a str,
    /// How the change reached us.
    pub channel: &'a str,
    /// The event that caused it.
    pub event_id: &'a str,
    /// Follows the change back to its webhook.
    pub correlation_id: &'a str,
    /// The version of the source, in milliseconds since 1970.
    pub source_version: i64,
    /// When the event was accepted, in milliseconds since 1970.
    pub received_at: i64,
    /// What changed, as the stored JSON text.
    pub changes: &'a str,
}

impl AuditColumns<'_> {
    /// Computes the hash of this row behind the row whose hash is `previous`, in lower-case hex.
    ///
    /// Every column goes in with its length before it, so that no two rows share an encoding.
    pub fn hash(&self, previous: &str) -> String {
        let (seq, at) = (self.seq.to_be_bytes(), self.at.to_be_bytes());
        let (version, received) =
            (self.source_version.to_be_bytes(), self.received_at.to_be_bytes());
        let columns: [&[u8]; 13] = [
            previous.as_bytes(),
            &seq,
            &at,
            self.actor.as_bytes(),
            self.kind.as_bytes(),
            self.entity.as_bytes(),
            self.entity_id.as_bytes(),
            self.channel.as_bytes(),
            self.event_id.as_bytes(),
            self.correlation_id.as_bytes(),
            &version,
            &received,
            self.changes.as_bytes(),
        ];
        let mut hash = Sha256::new_with_prefix(ENCODING);
        for column in columns {
            hash.update((column.len() as u64).to_be_bytes());
            hash.update(column);
        }
        hex(&hash.finalize())
    }
}

/// Walks along stored audit rows and notes the first that does not fit.
#[derive(Clone, Debug, Default)]
pub struct ChainWalk {
    n_rows: u64,
    head: String,
    fault: Option<AuditFault>,
}

impl ChainWalk {
    /// Checks the next stored row, which claims to stand behind `previous` and to have `hash`.
    /// Returns whether the chain still holds; after a fault nothing more is checked.
    pub fn check(&mut self, row: &AuditColumns<'_>, previous: &str, hash: &str) -> bool {
        if self.fault.is_some() {
            return false;
        }
        let expected_seq = self.n_rows + 1;
        let problem = if row.seq != expected_seq {
            Some(format!("row {expected_seq} is missing: the next one is {}", row.seq))
        } else if previous != self.head {
            Some("it names another hash for the row before than that row has".to_owned())
        } else if row.hash(previous) != hash {
            Some("its columns do not have the hash that is stored with them".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            self.fault = Some(AuditFault { seq: row.seq, problem });
            return false;
        }
        self.n_rows += 1;
        hash.clone_into(&mut self.head);
        true
    }

    /// Returns how many rows were found to be good.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Returns the hash of the last row that was found to be good.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Notes that the row after the last good one cannot be read as one.
    pub fn unreadable(&mut self, problem: &dyn std::error::Error) {
        if self.fault.is_none() {
            let problem = chain(problem).to_string();
            self.fault = Some(AuditFault { seq: self.n_rows + 1, problem });
        }
    }

    /// Returns what was found.
    pub fn finish(self) -> AuditVerification {
        AuditVerification { n_rows: self.n_rows, head: self.head, fault: self.fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: u64) -> AuditColumns<'static> {
        AuditColumns {
            seq,
            at: 5,
            actor: "salesforce:main",
            kind: "updated",
            entity: "case",
            entity_id: "e",
            channel: "poll",
            event_id: "v",
            correlation_id: "c",
            source_version: 3,
            received_at: 4,
            changes: "[]",
        }
    }

    #[test]
    fn moving_a_letter_to_the_next_column_changes_the_hash() {
        let one = AuditColumns { event_id: "ab", correlation_id: "c", ..row(1) };
        let two = AuditColumns { event_id: "a", correlation_id: "bc", ..row(1) };

        assert_ne!(one.hash(""), two.hash(""));
    }

    #[test]
    fn good_chain_has_no_fault_and_the_last_hash_as_its_head() {
        let first = row(1).hash("");
        let second = row(2).hash(&first);
        let mut walk = ChainWalk::default();

        assert!(walk.check(&row(1), "", &first));
        assert!(walk.check(&row(2), &first, &second));

        let found = walk.finish();
        assert_eq!((found.n_rows, found.head, found.fault), (2, second, None));
    }

    #[test]
    fn missing_row_is_named() {
        let mut walk = ChainWalk::default();

        assert!(!walk.check(&row(2), "", &row(2).hash("")));

        assert!(walk.finish().fault.unwrap().problem.contains("row 1 is missing"));
    }
}
