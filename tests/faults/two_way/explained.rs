//! A model of what may happen to an accepted change, checked against the org's history of commits and
//! our audit log.

mod births;
mod fields;
mod life;
mod presence;

use std::collections::{BTreeMap, BTreeSet};

use super::here::Accepted;
use fields::Field;
pub(super) use life::Lives;

/// Checks that every accepted change is in the final state, was followed by a later one that knew it,
/// or lost by a named policy; that no value was written twice; and that nothing was made twice.
pub(super) fn check(lives: &Lives, accepted: &Accepted) {
    let mut faults = Vec::new();
    check_accepted(lives, accepted, &mut faults);
    births::check(lives, accepted, &mut faults);
    for (row, life) in &lives.by_row {
        presence::check(lives, row, life, &mut faults);
        let fields = life.kind.iter().flat_map(|kind| &kind.fields);
        for (name, ..) in fields {
            Field { row, name, life }.check(&mut faults);
        }
    }
    for fault in faults.iter().take(8) {
        let row = fault.split([' ', ':']).next().unwrap_or_default();
        if let Some(life) = lives.by_row.get(row) {
            eprintln!("{fault}\n{life:#?}");
        }
    }
    let first = &faults[..faults.len().min(20)];
    assert!(faults.is_empty(), "{} faults: {first:#?}", faults.len());
}

/// Checks that the audit log tells everything that was answered with success.
fn check_accepted(lives: &Lives, accepted: &Accepted, faults: &mut Vec<String>) {
    let mut values = BTreeSet::new();
    let mut presences: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (row, life) in &lives.by_row {
        for it in life.here.iter().filter(|it| it.is_person) {
            values.extend(it.changes.values().filter_map(|it| it.after.as_str()));
            *presences.entry((row, &it.kind)).or_default() += 1;
        }
    }
    for value in accepted.values.iter().filter(|it| !values.contains(it.as_str())) {
        faults.push(format!("{value} was accepted and is not in the audit log"));
    }
    let people = lives.by_row.values().flat_map(|it| &it.here).filter(|it| it.is_person);
    let n_merged = people.filter(|it| it.changes.contains_key("merged_into")).count();
    if n_merged < accepted.n_merged {
        faults.push(format!("{} merges, {n_merged} in the audit log", accepted.n_merged));
    }
    let mut wanted: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (row, kind) in &accepted.presences {
        *wanted.entry((row, kind)).or_default() += 1;
    }
    for ((row, kind), n) in wanted {
        let n_told = presences.get(&(row, kind)).copied().unwrap_or_default();
        if n_told < n {
            faults.push(format!("{row}: {kind} {n} times, {n_told} times in the audit log"));
        }
    }
}

/// Tells how many records were changed on each side by people, and how many of these on both.
pub(super) fn shared_share(lives: &Lives) -> (usize, usize) {
    let is_there = |it: &life::Life| it.there.iter().any(|it| !it.is_ours);
    let is_here = |it: &life::Life| it.here.iter().any(|it| it.is_person);
    let all = lives.by_row.values().filter(|it| is_there(it) || is_here(it)).count();
    let both = lives.by_row.values().filter(|it| is_there(it) && is_here(it)).count();
    (all, both)
}
