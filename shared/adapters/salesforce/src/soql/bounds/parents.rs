//! Counts the parents that a query climbs to.

use std::collections::HashSet;

use super::super::name::FieldPath;
use super::super::query::Query;

/// The different parents of a statement.
#[derive(Debug, Default)]
pub(super) struct Parents {
    /// The query they belong to, by its number, and the way to each.
    seen: HashSet<(usize, String)>,
}

impl Parents {
    /// Counts the parents on the way to a field.
    pub(super) fn add(&mut self, level: usize, query: &Query, path: &FieldPath) {
        let own = query.own_names();
        let way = path.without_own(&own);
        if let Some((parents, _)) = way.rsplit_once('.') {
            self.add_way(level, parents);
        }
    }

    /// Counts the parents of which `relationship` itself is the last.
    pub(super) fn add_relationship(
        &mut self,
        level: usize,
        query: &Query,
        relationship: &FieldPath,
    ) {
        let own = query.own_names();
        self.add_way(level, relationship.without_own(&own));
    }

    /// Returns how many there are.
    pub(super) fn n_parents(&self) -> usize {
        self.seen.len()
    }

    fn add_way(&mut self, level: usize, way: &str) {
        let way = way.to_ascii_lowercase();
        for (at, _) in way.match_indices('.') {
            self.seen.insert((level, way.get(..at).unwrap_or_default().to_owned()));
        }
        self.seen.insert((level, way));
    }
}
