//! Settles conflicts: what happens to an edit when the platform's value moves below it.
//!
//! Nothing is lost in silence: a value that does not stand is named in the audit row with the policy
//! that decided, or both values wait for a person.

use std::time::Duration;

use super::mapping::{ConflictPolicy, FieldMapping, InvalidField, ObjectMapping, Side};
use super::outcome::Cause;
use crate::ids::{EntityId, RecordId};
use crate::model::{Edit, FieldValue, Presence, PresenceEdit};
use crate::ports::{
    ConflictDraft, ConflictMark, Decision, MERGED_FIELD, PRESENCE_FIELD, Resolution, Shadow,
};
use crate::time::Timestamp;

/// Less than versions differ by.
const A_MOMENT: Duration = Duration::from_millis(1);

/// What was settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rulings {
    /// Decisions by our fields.
    pub(super) decisions: Vec<(String, Decision)>,
    /// Conflicts that opened or ended.
    pub(super) conflicts: Vec<ConflictMark>,
}

impl Rulings {
    /// Tells whether nothing had to be settled.
    pub(super) fn is_empty(&self) -> bool {
        self.decisions.is_empty() && self.conflicts.is_empty()
    }

    fn close(&mut self, field: &str, resolution: Resolution, by: &str) {
        let (field, by) = (field.to_owned(), by.to_owned());
        self.conflicts.push(ConflictMark::Close { field, resolution, by });
    }
}

/// A change over there that a write of ours has overwritten: the field, its value, its version.
pub(super) type LateChange = (String, FieldValue, Timestamp);

/// Settles what the step from `before` to `after` means for the edits of the record.
pub(super) fn rule(
    before: &Shadow,
    after: &mut Shadow,
    late: Vec<LateChange>,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<Rulings, InvalidField> {
    let mut court = Court { before, after, mapping, cause, rulings: Rulings::default() };
    court.hear_presence()?;
    let edited: Vec<String> = court.after.edits.fields.keys().cloned().collect();
    for field in edited {
        court.hear_field(&field)?;
    }
    court.push_back_own_fields();
    for (field, value, version) in late {
        court.hear_late(&field, value, version)?;
    }
    Ok(court.rulings)
}

struct Court<'a> {
    before: &'a Shadow,
    after: &'a mut Shadow,
    mapping: &'a ObjectMapping,
    cause: Cause<'a>,
    rulings: Rulings,
}

impl Court<'_> {
    fn theirs(&self, field: &str) -> FieldValue {
        self.after.fields.get(field).cloned().unwrap_or_default()
    }

    fn theirs_before(&self, field: &str) -> FieldValue {
        self.before.fields.get(field).cloned().unwrap_or_default()
    }

    /// Says who wins: `at` is when we changed it, `version` when they did.
    fn winner(&self, policy: ConflictPolicy, at: Timestamp, version: Timestamp) -> Option<Side> {
        match policy {
            ConflictPolicy::Manual => None,
            ConflictPolicy::RemoteWins => Some(Side::Remote),
            ConflictPolicy::LocalWins => Some(Side::Local),
            // Versions over there have no parts of a second, so ours are cut likewise.
            ConflictPolicy::NewestWins => Some(match at.to_second().cmp(&version.to_second()) {
                std::cmp::Ordering::Less => Side::Remote,
                std::cmp::Ordering::Greater => Side::Local,
                std::cmp::Ordering::Equal => self.mapping.rules.system_of_record,
            }),
        }
    }

    fn hear_field(&mut self, field: &str) -> Result<(), InvalidField> {
        let theirs = self.theirs(field);
        let Some(edit) = self.after.edits.fields.get(field).cloned() else { return Ok(()) };
        let Some(rule) = self.mapping.field(field) else {
            // Nobody can send a field that is no longer mapped.
            self.after.edits.fields.remove(field);
            return Ok(());
        };
        if theirs == edit.value {
            // What is under way may still put an earlier value in its place.
            if edit.is_in_flight() {
                return Ok(());
            }
            self.after.edits.fields.remove(field);
            if edit.is_parked {
                self.rulings.close(field, Resolution::Converged, self.cause.actor);
            }
            return Ok(());
        }
        if theirs == self.theirs_before(field) || edit.is_ours(&theirs) {
            return Ok(());
        }
        let version = self.after.version_of(field);
        match self.winner(rule.conflicts, edit.at, version) {
            _ if edit.is_parked => self.park(rule, &edit, &theirs, version),
            None => self.park(rule, &edit, &theirs, version),
            Some(Side::Local) => self.decide(rule, Side::Local, &theirs),
            Some(Side::Remote) => {
                self.yield_to(field, &edit, theirs);
                self.decide(rule, Side::Remote, &edit.value)
            }
        }
    }

    /// Lets the platform's value stand. An edit that may be on its way yet will overwrite it: then
    /// the platform's value is sent after it.
    fn yield_to(&mut self, field: &str, edit: &Edit, theirs: FieldValue) {
        let edits = &mut self.after.edits.fields;
        match edits.get_mut(field) {
            Some(flying) if edit.is_in_flight() => flying.replace(theirs, edit.at),
            _ => drop(edits.remove(field)),
        }
    }

    fn park(
        &mut self,
        rule: &FieldMapping,
        edit: &Edit,
        theirs: &FieldValue,
        version: Timestamp,
    ) -> Result<(), InvalidField> {
        if let Some(edit) = self.after.edits.fields.get_mut(&rule.remote) {
            edit.is_parked = true;
        }
        self.open(rule, &edit.value, theirs, version)
    }

    fn open(
        &mut self,
        rule: &FieldMapping,
        ours: &FieldValue,
        theirs: &FieldValue,
        remote_version: Timestamp,
    ) -> Result<(), InvalidField> {
        let draft = ConflictDraft {
            field: rule.remote.clone(),
            local_field: rule.local.clone(),
            local_value: self.local(rule, ours)?,
            remote_value: self.local(rule, theirs)?,
            remote_version,
            policy: rule.conflicts,
            correlation_id: self.cause.correlation_id.clone(),
        };
        self.rulings.conflicts.push(ConflictMark::Open(draft));
        self.decide(rule, Side::Local, theirs)
    }

    fn decide(
        &mut self,
        rule: &FieldMapping,
        winner: Side,
        other: &FieldValue,
    ) -> Result<(), InvalidField> {
        let other = self.local(rule, other)?;
        let decision = Decision { policy: rule.conflicts, winner, other };
        self.rulings.decisions.push((rule.local.clone(), decision));
        Ok(())
    }

    fn local(&self, rule: &FieldMapping, value: &FieldValue) -> Result<FieldValue, InvalidField> {
        self.mapping.local_value(&self.after.key.connection, rule, value)
    }

    /// What travels from us to the platform only is set right over there.
    fn push_back_own_fields(&mut self) {
        if self.before.version == Timestamp::EPOCH {
            return;
        }
        for rule in self.mapping.fields.iter().filter(|it| !it.direction.comes_in()) {
            let (theirs, ours) = (self.theirs(&rule.remote), self.theirs_before(&rule.remote));
            let edits = &mut self.after.edits.fields;
            if theirs != ours && !edits.contains_key(&rule.remote) {
                edits.insert(rule.remote.clone(), Edit::new(ours, self.cause.received_at));
            }
        }
    }

    /// A change that our write overwrote before we knew of it: had we known, who would have won?
    fn hear_late(
        &mut self,
        field: &str,
        value: FieldValue,
        version: Timestamp,
    ) -> Result<(), InvalidField> {
        let Some(rule) = self.mapping.field(field) else { return Ok(()) };
        let Some(overwrite) = self.after.edits.overwrites.get_mut(field) else { return Ok(()) };
        overwrite.saw(&value);
        let is_past = [overwrite.until, overwrite.found.map(|it| it.minus(A_MOMENT))];
        if is_past.into_iter().flatten().any(|it| version <= it) {
            // Something later stands there, or is being put back: this can only be told.
            return self.decide(rule, Side::Local, &value);
        }
        overwrite.found = Some(version);
        let edited_at = overwrite.edited_at;
        let edit = self.after.edits.fields.get(field).cloned();
        let (ours, at) = match &edit {
            Some(edit) => (edit.value.clone(), edit.at),
            None => (self.theirs(field), edited_at),
        };
        match (self.winner(rule.conflicts, at, version), edit) {
            (_, Some(edit)) if edit.is_parked => self.open(rule, &ours, &value, version),
            (None, _) => self.open(rule, &ours, &value, version),
            (Some(Side::Local), _) => self.decide(rule, Side::Local, &value),
            (Some(Side::Remote), edit) => {
                let mut restored = edit.unwrap_or_else(|| Edit::new(value.clone(), version));
                restored.replace(value, version);
                self.after.edits.fields.insert(field.to_owned(), restored);
                self.decide(rule, Side::Remote, &ours)
            }
        }
    }

    fn hear_presence(&mut self) -> Result<(), InvalidField> {
        if !self.mapping.rules.deletes.direction.comes_in() {
            return Ok(());
        }
        let wanted = self.after.edits.presence.clone();
        match (self.before.is_deleted, self.after.is_deleted, wanted) {
            (_, true, Some(PresenceEdit { wanted: Presence::Deleted, is_parked, .. })) => {
                self.end_presence(is_parked);
                self.after.edits.fields.clear();
            }
            (_, true, Some(PresenceEdit { wanted: Presence::MergedInto(into), is_parked, .. })) => {
                self.end_presence(is_parked);
                self.after.edits.fields.clear();
                self.hear_other_end(&into);
            }
            (_, false, Some(PresenceEdit { wanted: Presence::Present, is_parked, .. }))
                if self.before.is_deleted =>
            {
                self.end_presence(is_parked);
                for edit in self.after.edits.fields.values_mut().filter(|_| is_parked) {
                    edit.is_parked = false;
                }
            }
            (false, true, None) if !self.after.edits.fields.is_empty() => self.hear_deletion(),
            (_, false, Some(edit)) if edit.wanted != Presence::Present => {
                self.hear_change_of_deleted(&edit);
            }
            _ => {}
        }
        Ok(())
    }

    fn end_presence(&mut self, was_parked: bool) {
        self.after.edits.presence = None;
        if was_parked {
            self.rulings.close(PRESENCE_FIELD, Resolution::Converged, self.cause.actor);
        }
    }

    /// They deleted what we merged into another, or merged it into a third: what is done over there
    /// cannot be done otherwise from here.
    fn hear_other_end(&mut self, ours: &RecordId) {
        let theirs = self.mapping.rules.merged_into.as_ref().map(|field| self.theirs(field));
        if theirs.as_ref().and_then(FieldValue::as_text) == Some(ours.as_str()) {
            return;
        }
        let key = &self.after.key;
        let row = EntityId::derive(&key.connection, &key.object, ours);
        let other = FieldValue::Text(row.into());
        let decision = Decision { policy: ConflictPolicy::RemoteWins, winner: Side::Remote, other };
        self.rulings.decisions.push((MERGED_FIELD.to_owned(), decision));
    }

    /// They deleted what we changed.
    fn hear_deletion(&mut self) {
        let policy = self.mapping.rules.deletes.conflicts;
        let newest = self.after.edits.fields.values().map(|it| it.at).max();
        let at = newest.unwrap_or(Timestamp::EPOCH);
        let version = self.after.presence_version;
        let winner = self.winner(policy, at, version);
        match winner {
            Some(Side::Remote) => self.after.edits.fields.clear(),
            Some(Side::Local) | None => {
                let is_parked = winner.is_none();
                self.after.edits.presence =
                    Some(PresenceEdit { wanted: Presence::Present, at, is_parked });
                for edit in self.after.edits.fields.values_mut().filter(|_| is_parked) {
                    edit.is_parked = true;
                }
            }
        }
        self.settle_presence(winner, (false, true), version);
    }

    /// They changed what we deleted, or merged into another.
    fn hear_change_of_deleted(&mut self, ours: &PresenceEdit) {
        let fields = self.mapping.fields.iter().map(|it| it.remote.as_str());
        let changed = fields.filter(|it| self.theirs(it) != self.theirs_before(it));
        let Some(version) = changed.map(|field| self.after.version_of(field)).max() else {
            return;
        };
        if self.before.version == Timestamp::EPOCH {
            // It is not a change that we see it for the first time.
            return;
        }
        let winner = match ours.is_parked {
            true => None,
            false => self.winner(self.mapping.rules.deletes.conflicts, ours.at, version),
        };
        match winner {
            Some(Side::Remote) => self.after.edits.presence = None,
            Some(Side::Local) => {}
            None => {
                if let Some(edit) = &mut self.after.edits.presence {
                    edit.is_parked = true;
                }
            }
        }
        self.settle_presence(winner, (true, false), version);
    }

    fn settle_presence(
        &mut self,
        winner: Option<Side>,
        (ours, theirs): (bool, bool),
        remote_version: Timestamp,
    ) {
        let policy = match winner {
            Some(_) => self.mapping.rules.deletes.conflicts,
            None => ConflictPolicy::Manual,
        };
        if winner.is_none() {
            self.rulings.conflicts.push(ConflictMark::Open(ConflictDraft {
                field: PRESENCE_FIELD.to_owned(),
                local_field: PRESENCE_FIELD.to_owned(),
                local_value: FieldValue::Bool(ours),
                remote_value: FieldValue::Bool(theirs),
                remote_version,
                policy,
                correlation_id: self.cause.correlation_id.clone(),
            }));
        }
        let winner = winner.unwrap_or(Side::Local);
        let other = FieldValue::Bool(if winner == Side::Local { theirs } else { ours });
        let decision = Decision { policy, winner, other };
        self.rulings.decisions.push((PRESENCE_FIELD.to_owned(), decision));
    }
}
