//! Ranges of record ids, and the ids between two others.
//!
//! Ids are compared by the bytes of their 15 characters, `0-9A-Za-z`: numbers to the base 62.
//! Source: Bulk API developer guide, "PK chunking", which counts on from an id the same way, and
//! takes bounds that are ids of no record.

use serde::{Deserialize, Serialize};
use shared::ids::SalesforceId;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digits that are compared; the three behind them only tell their case.
const N_DIGITS: usize = 15;

/// The ids above `after`, up to and including `until`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IdRange {
    /// The id below the first; none for all from the smallest on.
    pub(super) after: Option<SalesforceId>,
    /// The last id; none for all up to the largest.
    pub(super) until: Option<SalesforceId>,
}

impl IdRange {
    /// Cuts the range behind each of `cuts`, which ascend and lie inside it. Every id of it lies in
    /// exactly one part.
    pub(super) fn cut(&self, cuts: impl IntoIterator<Item = SalesforceId>) -> Vec<Self> {
        let mut after = self.after.clone();
        let mut parts = Vec::new();
        for cut in cuts {
            let until = Some(cut);
            parts.push(Self { after: after.take(), until: until.clone() });
            after = until;
        }
        parts.push(Self { after, until: self.until.clone() });
        parts
    }
}

/// Returns the place of an id among all ids.
pub(super) fn place_of(id: &SalesforceId) -> u128 {
    id.as_str().bytes().take(N_DIGITS).fold(0, |sum, byte| {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => byte.wrapping_sub(b'a').wrapping_add(36),
        };
        sum * 62 + u128::from(value)
    })
}

/// Returns the id at `place`; `None` beyond the last.
pub(super) fn id_at(mut place: u128) -> Option<SalesforceId> {
    let mut digits = [b'0'; N_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = *DIGITS.get(usize::try_from(place % 62).ok()?)?;
        place /= 62;
    }
    let is_an_id = place == 0;
    SalesforceId::parse(std::str::from_utf8(&digits).ok().filter(|_| is_an_id)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(raw: &str) -> SalesforceId {
        SalesforceId::parse(raw).unwrap()
    }

    #[test]
    fn counting_on_is_that_of_the_guide() {
        let at = place_of(&id("001300000000000")) + 250_000;
        assert_eq!(id_at(at), Some(id("00130000000132G")));
        assert_eq!(id_at(place_of(&id("zzzzzzzzzzzzzzz"))), Some(id("zzzzzzzzzzzzzzz")));
        assert_eq!(id_at(place_of(&id("zzzzzzzzzzzzzzz")) + 1), None);
    }

    proptest! {
        #[test]
        fn place_and_id_are_one_to_one_and_in_the_order_of_bytes(
            a in "[0-9A-Za-z]{15}", b in "[0-9A-Za-z]{15}"
        ) {
            let (first, second) = (id(&a), id(&b));
            prop_assert_eq!(id_at(place_of(&first)), Some(first.clone()));
            prop_assert_eq!(place_of(&first).cmp(&place_of(&second)), a.as_bytes().cmp(b.as_bytes()));
        }

        #[test]
        fn every_id_lies_in_exactly_one_part(
            cuts in prop::collection::btree_set("[0-9A-Za-z]{15}", 0..8),
            any in prop::collection::vec("[0-9A-Za-z]{15}", 1..40),
        ) {
            let cuts: Vec<SalesforceId> = cuts.iter().map(|it| id(it)).collect();
            let parts = IdRange::default().cut(cuts.iter().cloned());
            prop_assert_eq!(parts.len(), cuts.len() + 1);
            for one in any.iter().map(|it| id(it)).chain(cuts) {
                let holds = |it: &&IdRange| {
                    it.after.as_ref().is_none_or(|after| one > *after)
                        && it.until.as_ref().is_none_or(|until| one <= *until)
                };
                prop_assert_eq!(parts.iter().filter(holds).count(), 1);
            }
        }
    }
}
