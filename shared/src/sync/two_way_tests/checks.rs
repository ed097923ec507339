//! What must hold once both sides have come to rest.

use super::world::{Here, There};
use super::*;

impl World {
    pub(super) fn decided(&self, field: &str, value: &FieldValue) -> bool {
        let (_, local) = FIELDS.iter().find(|it| it.0 == field).unwrap();
        let changes =
            self.writes.iter().filter_map(|it| it.audit.as_ref()).flat_map(|it| &it.changes);
        changes
            .filter(|it| it.field == *local)
            .flat_map(|it| &it.decisions)
            .any(|it| it.other == *value)
    }

    /// Every value that stood over there is there still, was replaced by somebody who knew it, or is
    /// named in a decision.
    pub(super) fn check_there(&self) {
        let mut last: BTreeMap<&str, &There> = BTreeMap::new();
        for (place, entry) in self.there.iter().enumerate() {
            if let Some(before) = last.insert(entry.field, entry)
                && !before.is_ours
                && entry.is_ours
            {
                let was_known = entry.known.as_ref() == Some(&before.value);
                let mut later = self.there.iter().skip(place);
                let came_back = later.any(|it| it.value == before.value);
                let was_replaced = self.here.iter().any(|it| it.replaced == before.value);
                assert!(
                    was_known
                        || came_back
                        || was_replaced
                        || self.decided(entry.field, &before.value),
                    "`{}` of `{}` was overwritten unseen",
                    before.value,
                    entry.field
                );
            }
        }
        for (field, entry) in last {
            assert_eq!(self.record[field], entry.value);
        }
    }

    /// Every value that was given here is here still, was replaced here, reached the other side, or
    /// is named in a decision.
    pub(super) fn check_here(&self) {
        for Here { field, value, .. } in &self.here {
            let was_replaced = self.here.iter().any(|it| it.replaced == *value);
            let has_left = self.there.iter().any(|it| it.field == *field && it.value == *value);
            let is_here = self.shadow.edits.over(&self.shadow.fields)[*field] == *value;
            assert!(
                was_replaced || has_left || is_here || self.decided(field, value),
                "`{value}` of `{field}` was lost here"
            );
        }
    }

    pub(super) fn check_rest(&self) {
        let edits = &self.shadow.edits;
        assert!(!edits.waits(), "something still waits to be sent");
        for (field, _) in FIELDS {
            assert_eq!(self.shadow.fields[field], self.record[field], "{field}");
            let is_parked = edits.fields.get(field).is_some_and(|it| it.is_parked);
            let here = &edits.over(&self.shadow.fields)[field];
            assert!(is_parked || *here == self.record[field], "{field} differs");
            assert!(!is_parked || field == "Industry", "only `manual` parks");
        }
    }
}
