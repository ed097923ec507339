//! What may happen to a deletion, a restoration or a merge.

use super::life::{Deed, Here, Life, Lives, There};

/// Adds to `faults` what is not explained of a record's being there.
pub(super) fn check(lives: &Lives, row: &str, life: &Life, faults: &mut Vec<String>) {
    check_there(row, life, faults);
    check_here(lives, row, life, faults);
    if life.is_deleted_there() != life.is_deleted_here() {
        let (here, there) = (life.is_deleted_here(), life.is_deleted_there());
        faults.push(format!("{row}: deleted here: {here}, deleted there: {there}"));
    }
}

fn turns(life: &Life) -> impl Iterator<Item = &There> {
    life.there.iter().filter(|it| matches!(it.deed, Deed::Create | Deed::Delete | Deed::Undelete))
}

/// Nothing that they did is undone by us unless the audit log tells of it.
fn check_there(row: &str, life: &Life, faults: &mut Vec<String>) {
    let turns: Vec<_> = turns(life).collect();
    for pair in turns.windows(2) {
        let (theirs, ours) = (pair[0], pair[1]);
        if theirs.is_ours || !ours.is_ours {
            continue;
        }
        let kind = if theirs.deed == Deed::Delete { "deleted" } else { "restored" };
        let is_told = |it: &Here| {
            let is_same = it.kind == kind || kind == "restored" && it.kind == "created";
            is_same || it.changes.contains_key("is_deleted")
        };
        if !life.here.iter().any(is_told) {
            faults.push(format!("{row}: {:?} was undone unseen", theirs.deed));
        }
    }
}

/// What people do here is done over there, or loses by a named policy, or to a person.
fn check_here(lives: &Lives, row: &str, life: &Life, faults: &mut Vec<String>) {
    let people = life.here.iter().enumerate().filter(|(_, it)| it.is_person);
    for (idx, it) in people.filter(|(_, it)| it.kind == "deleted" || it.kind == "restored") {
        let (deed, is_deleted) = match it.kind.as_str() {
            "deleted" => (Deed::Delete, true),
            _ => (Deed::Undelete, false),
        };
        let has_reached = life.there.iter().any(|it| it.is_ours && it.deed == deed);
        // What was made and deleted here before it was sent never comes to be over there.
        let is_so_there = life.is_deleted_there() == is_deleted || life.there.is_empty();
        let later = &life.here[idx + 1..];
        let by_person = later.iter().any(|it| it.is_person && it.kind != "updated");
        let is_decided = later.iter().any(|it| it.changes.contains_key("is_deleted"));
        // Who deletes an account deletes its contacts.
        let goes_along = life.there.iter().any(|it| it.deed == Deed::Delete && it.is_taken_along);
        // They did the same, and undid it knowing so.
        let turns: Vec<_> = turns(life).collect();
        let was_so_there = turns.windows(2).any(|it| it[0].deed == deed && !it[1].is_ours);
        if !(has_reached || is_so_there || was_so_there || by_person || is_decided || goes_along) {
            faults.push(format!("{row}: {} by a person was lost on its way there", it.kind));
        }
        check_merge(lives, (row, life), it, later, faults);
    }
}

/// A record that was merged here becomes part of the same one over there, or another one was chosen
/// there and the audit log says so.
fn check_merge(
    lives: &Lives,
    (row, life): (&str, &Life),
    merge: &Here,
    later: &[Here],
    faults: &mut Vec<String>,
) {
    let Some(change) = merge.changes.get("merged_into") else { return };
    let ours = change.after.as_str().unwrap();
    let kind = life.kind.unwrap();
    // A row that was made here also answers to the id that its record would have given it.
    let is_ours = |record: &str| lives.row_of(kind, record) == ours || kind.row_id(record) == ours;
    let has_reached =
        life.there.iter().any(|it| it.is_ours && it.master.as_deref().is_some_and(is_ours));
    let is_told = later.iter().any(|it| {
        it.changes.contains_key("is_deleted")
            || it.changes.contains_key("merged_into")
            || it.is_person && it.kind != "updated"
    });
    if !(has_reached || is_told || life.there.is_empty()) {
        faults.push(format!("{row}: its merge into {ours} was lost on its way there"));
    }
}
