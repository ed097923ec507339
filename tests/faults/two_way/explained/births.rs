//! What is made once is there once.

use std::collections::BTreeMap;

use super::life::{Deed, Life, Lives};
use crate::two_way::here::Accepted;

/// Adds to `faults` what was made twice, or not at all.
pub(super) fn check(lives: &Lives, accepted: &Accepted, faults: &mut Vec<String>) {
    let mut by_mark: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, life) in &lives.by_row {
        if life.records.len() > 1 {
            faults.push(format!("{row}: two records carry its id: {:?}", life.records));
        }
        let creations = life.there.iter().filter(|it| it.deed == Deed::Create);
        for mark in creations.clone().filter_map(|it| it.mark.as_deref()) {
            *by_mark.entry(mark).or_default() += 1;
        }
        let n_created_here = life.here.iter().filter(|it| it.kind == "created").count();
        if n_created_here > 1 {
            faults.push(format!("{row}: the row was made {n_created_here} times"));
        }
        if creations.clone().any(|it| !it.is_ours) && life.here.is_empty() {
            faults.push(format!("{row}: a record that was made there is not known here"));
        }
    }
    let twice = by_mark.iter().filter(|(_, n)| **n > 1);
    faults.extend(twice.map(|(mark, n)| format!("{mark}: {n} records were made")));
    for (_, row, mark) in &accepted.births {
        check_accepted(row, mark, lives.by_row.get(row), faults);
    }
}

/// What was made here is made there, or deleted before it was sent.
fn check_accepted(row: &str, mark: &str, life: Option<&Life>, faults: &mut Vec<String>) {
    let Some(life) = life else { return faults.push(format!("{row}: {mark} is not known")) };
    if !life.here.iter().any(|it| it.is_person && it.kind == "created") {
        faults.push(format!("{row}: the audit log does not tell that {mark}"));
    }
    let is_there = life.there.iter().any(|it| it.deed == Deed::Create && it.is_ours);
    let is_dropped = life.here.iter().any(|it| it.is_person && it.kind == "deleted");
    if !is_there && !is_dropped {
        faults.push(format!("{row}: {mark} was lost on its way there"));
    }
}
