//! What a commit means as events.

use std::collections::HashMap;
use std::sync::Arc;

use super::event::{ChangeKind, FieldChange, Records, Transaction};
use super::layout::is_left_out;
use crate::ids::RecordId;
use crate::org::{Commit, Entry, EntryKind, Row, Value};
use crate::schema::{ObjectType, Schema, position};

/// Changes of one transaction that are told one by one; each updated field counts.
/// Source: Change Data Capture guide, "Overflow events".
const MAX_CHANGES: usize = 100_000;

/// Longest event, in bytes; a longer one becomes a gap. Source: Change Data Capture guide, "Gap events".
const MAX_EVENT_BYTES: usize = 1_000_000;

/// An event that has no place in the log yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) object: Arc<ObjectType>,
    pub(super) kind: ChangeKind,
    pub(super) records: Records,
    pub(super) sequence: u32,
    pub(super) fields: Vec<FieldChange>,
}

/// What a transaction did to one row, however often it touched it.
struct Net<'a> {
    object: &'a str,
    first: EntryKind,
    last: EntryKind,
    before: Option<&'a Row>,
    after: &'a Row,
}

impl Net<'_> {
    /// Several changes of one row are one event of the first kind with the final values.
    /// Source: Change Data Capture guide, "Change events for multiple operations in a transaction".
    fn kind(&self) -> Option<ChangeKind> {
        match (self.first, self.last) {
            // Nobody ever saw the row.
            (EntryKind::Create, EntryKind::Delete) => None,
            // Source: Change Data Capture guide, "No event": hard deletes; merges: re-parented children.
            (_, EntryKind::Erase) | (EntryKind::Touch, EntryKind::Touch) => None,
            (EntryKind::Create, _) => Some(ChangeKind::Create),
            (_, EntryKind::Delete) => Some(ChangeKind::Delete),
            (EntryKind::Undelete, _) => Some(ChangeKind::Undelete),
            _ => Some(ChangeKind::Update),
        }
    }
}

/// Describes the transaction of a commit.
pub(super) fn transaction(commit: &Commit) -> Transaction {
    Transaction {
        key: Transaction::key_of(commit.number),
        number: commit.number,
        at_ms: commit.at_ms,
        user: commit.author.user,
        origin: commit.author.origin(),
    }
}

/// Turns a commit into events: one for all rows of an object that changed alike.
pub(super) fn drafts(schema: &Schema, commit: &Commit) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut n_changes = 0;
    let mut sequence = 0;
    for net in nets(&commit.entries) {
        let (Some(object), Some(kind)) = (schema.object(net.object), net.kind()) else { continue };
        if n_changes >= MAX_CHANGES {
            overflow(&mut drafts, object, &mut sequence);
            continue;
        }
        let fields = fields(object, kind, &net);
        n_changes += fields.len().max(1);
        let is_too_long = fields.iter().map(n_bytes).sum::<usize>() > MAX_EVENT_BYTES;
        let (kind, fields) = if is_too_long { (kind.gap(), Vec::new()) } else { (kind, fields) };
        if let Some(Draft { records: Records::Some(ids), .. }) =
            drafts.last_mut().filter(|last| is_alike(last, object, kind, &fields))
        {
            ids.push(net.after.id);
            continue;
        }
        sequence += 1;
        let records = Records::Some(vec![net.after.id]);
        drafts.push(Draft { object: Arc::clone(object), kind, records, sequence, fields });
    }
    drafts
}

/// Tells whether a row can be told in the event before it.
fn is_alike(last: &Draft, object: &ObjectType, kind: ChangeKind, fields: &[FieldChange]) -> bool {
    last.kind == kind && last.object.name == object.name && last.fields == fields
}

fn overflow(drafts: &mut Vec<Draft>, object: &Arc<ObjectType>, sequence: &mut u32) {
    let is_told = drafts
        .iter()
        .any(|draft| draft.kind == ChangeKind::GapOverflow && draft.object.name == object.name);
    if !is_told {
        *sequence += 1;
        drafts.push(Draft {
            object: Arc::clone(object),
            kind: ChangeKind::GapOverflow,
            records: Records::Untold,
            sequence: *sequence,
            fields: Vec::new(),
        });
    }
}

/// Puts the entries of each row together, in the order in which rows were first touched.
fn nets(entries: &[Entry]) -> Vec<Net<'_>> {
    let mut nets: Vec<Net<'_>> = Vec::with_capacity(entries.len());
    let mut places: HashMap<RecordId, usize> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let known = places.get(&entry.after.id).and_then(|place| nets.get_mut(*place));
        if let Some(net) = known {
            // What the platform does beside a change does not change what that was.
            if entry.kind != EntryKind::Touch {
                net.last = entry.kind;
            }
            net.after = &entry.after;
        } else {
            places.insert(entry.after.id, nets.len());
            nets.push(Net {
                object: &entry.object,
                first: entry.kind,
                last: entry.kind,
                before: entry.before.as_ref(),
                after: &entry.after,
            });
        }
    }
    nets
}

fn fields(object: &ObjectType, kind: ChangeKind, net: &Net<'_>) -> Vec<FieldChange> {
    if kind == ChangeKind::Delete {
        return Vec::new();
    }
    let before = net.before.filter(|_| kind == ChangeKind::Update);
    object
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| field.is_visible() && !is_left_out(object, field))
        .filter(|(place, _)| match before {
            Some(before) => {
                before.get(*place) != net.after.get(*place) || *place == position::MODIFIED_DATE
            }
            None => !net.after.get(*place).is_null(),
        })
        .map(|(place, _)| FieldChange { place, value: net.after.get(place).clone() })
        .collect()
}

fn n_bytes(change: &FieldChange) -> usize {
    if let Value::Text(text) = &change.value { text.len() } else { 32 }
}
