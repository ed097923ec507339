//! The rows that every write adds and no write reads: audit, changes, timeline.
//!
//! They are gathered while a group runs and inserted by one statement each: a statement costs more
//! than the row itself.

use std::borrow::Cow;

use serde::Serialize;
use shared::ids::EntityId;
use shared::model::Entity;
use shared::ports::{AuditDraft, WriteKind};
use shared::sync::AuditColumns;
use shared::time::Timestamp;

use super::decode::{json_text, number};
use super::prepared::PreparedWrite;

/// Turns free text into what an engine can hold.
pub(super) type TextForm = for<'t> fn(&'t str) -> Cow<'t, str>;

/// The rows of one group.
pub(super) struct Batch<'a> {
    at: Timestamp,
    /// The number and hash of the last audit row: the next one is chained to it.
    chain_end: (u64, String),
    newest_change: u64,
    form: TextForm,
    lines: Lines<'a>,
}

/// The lines of each table.
#[derive(Default)]
pub(super) struct Lines<'a> {
    /// Of `audit`.
    pub(super) audit: Vec<AuditLine<'a>>,
    /// Of `changes`.
    pub(super) changes: Vec<ChangeLine<'a>>,
    /// Of `timeline_events`.
    pub(super) timeline: Vec<TimelineLine<'a>>,
}

/// The columns of `audit`, in order.
#[derive(Serialize)]
pub(super) struct AuditLine<'a>(
    pub(super) i64,
    pub(super) i64,
    pub(super) Cow<'a, str>,
    pub(super) &'a str,
    pub(super) &'a str,
    pub(super) Cow<'a, str>,
    pub(super) &'a str,
    pub(super) Cow<'a, str>,
    pub(super) Cow<'a, str>,
    pub(super) i64,
    pub(super) i64,
    pub(super) Cow<'a, str>,
    pub(super) String,
    pub(super) String,
);

/// The columns of `changes`, in order.
#[derive(Serialize)]
pub(super) struct ChangeLine<'a>(
    pub(super) i64,
    pub(super) i64,
    pub(super) &'a str,
    pub(super) Cow<'a, str>,
    pub(super) &'a str,
    pub(super) Option<Cow<'a, str>>,
    pub(super) Cow<'a, str>,
    pub(super) Option<i64>,
    pub(super) Cow<'a, str>,
);

/// The columns of `timeline_events`, in order.
#[derive(Serialize)]
pub(super) struct TimelineLine<'a>(
    pub(super) &'a str,
    pub(super) &'a str,
    pub(super) i64,
    pub(super) &'a str,
    pub(super) Cow<'a, str>,
    pub(super) u8,
    pub(super) i64,
);

impl<'a> Batch<'a> {
    /// Begins the rows of a group that is committed at `at`, behind audit row `chain_end` and
    /// change row `newest_change`; `form` turns free text into what the engine can hold.
    pub(super) fn new(
        at: Timestamp,
        chain_end: (u64, String),
        newest_change: u64,
        form: TextForm,
    ) -> Self {
        Self { at, chain_end, newest_change, form, lines: Lines::default() }
    }

    /// Returns when the group is committed.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the number of the newest change row, those of this group included.
    pub(super) fn newest_change(&self) -> u64 {
        self.newest_change
    }

    /// Adds the rows of one write and returns the number of its change row.
    pub(super) fn add(&mut self, prepared: &'a PreparedWrite) -> Option<u64> {
        let PreparedWrite { write, timeline_ids, .. } = prepared;
        let (at, form) = (self.at.as_millis(), self.form);
        let events = timeline_ids.iter().zip(&write.timeline);
        self.lines.timeline.extend(events.map(|(id, event)| {
            TimelineLine(
                id.as_str(),
                write.entity_id.as_str(),
                event.occurred_at.as_millis(),
                event.event_type,
                form(&event.title),
                event.importance,
                at,
            )
        }));
        let draft = write.audit.as_ref()?;
        let row = AuditColumns {
            seq: self.chain_end.0 + 1,
            at,
            actor: &draft.actor,
            kind: write.kind.as_str(),
            entity: write.entity.as_str(),
            entity_id: write.entity_id.as_str(),
            channel: draft.channel.as_str(),
            event_id: &draft.event_id,
            correlation_id: draft.correlation_id.as_str(),
            source_version: draft.source_version.as_millis(),
            received_at: draft.received_at.as_millis(),
            changes: &prepared.changes,
        };
        let (previous, hash) = self.chain(&row);
        self.newest_change += 1;
        self.lines.changes.push(ChangeLine(
            number(self.newest_change),
            at,
            row.entity,
            row.entity_id.into(),
            row.kind,
            prepared.label.as_deref().map(form),
            prepared.changed_fields.as_str().into(),
            prepared.lag_ms(self.at),
            row.correlation_id.into(),
        ));
        self.lines.audit.push(AuditLine(
            number(row.seq),
            at,
            form(row.actor),
            row.kind,
            row.entity,
            row.entity_id.into(),
            row.channel,
            form(row.event_id),
            row.correlation_id.into(),
            row.source_version,
            row.received_at,
            row.changes.into(),
            previous,
            hash,
        ));
        Some(self.newest_change)
    }

    /// Adds the audit row of a decision about a case. It is no change of its row, so that nobody
    /// downstream hears of it.
    ///
    /// # Errors
    ///
    /// When its changes cannot be rendered.
    pub(super) fn add_decision(
        &mut self,
        case_id: &EntityId,
        draft: &AuditDraft,
    ) -> Result<(), sqlx::Error> {
        let changes = json_text(&draft.changes)?;
        let row = AuditColumns {
            seq: self.chain_end.0 + 1,
            at: self.at.as_millis(),
            actor: &draft.actor,
            kind: WriteKind::Updated.as_str(),
            entity: Entity::Case.as_str(),
            entity_id: case_id.as_str(),
            channel: draft.channel.as_str(),
            event_id: &draft.event_id,
            correlation_id: draft.correlation_id.as_str(),
            source_version: draft.source_version.as_millis(),
            received_at: draft.received_at.as_millis(),
            changes: &changes,
        };
        let (previous, hash) = self.chain(&row);
        self.lines.audit.push(AuditLine(
            number(row.seq),
            row.at,
            draft.actor.clone().into(),
            WriteKind::Updated.as_str(),
            Entity::Case.as_str(),
            case_id.to_string().into(),
            draft.channel.as_str(),
            draft.event_id.clone().into(),
            draft.correlation_id.to_string().into(),
            row.source_version,
            row.received_at,
            changes.clone().into(),
            previous,
            hash,
        ));
        Ok(())
    }

    /// Adds the audit row and the change row of what was hung on a case, and returns the number of the
    /// latter. `field` names what is another of it, `label` the case for people, in the form of the
    /// engine.
    ///
    /// # Errors
    ///
    /// When they cannot be rendered.
    pub(super) fn add_hanging(
        &mut self,
        case_id: &EntityId,
        label: Option<String>,
        field: &str,
        draft: &AuditDraft,
    ) -> Result<u64, sqlx::Error> {
        self.add_decision(case_id, draft)?;
        self.newest_change += 1;
        self.lines.changes.push(ChangeLine(
            number(self.newest_change),
            self.at.as_millis(),
            Entity::Case.as_str(),
            case_id.to_string().into(),
            WriteKind::Updated.as_str(),
            label.map(Cow::Owned),
            json_text(&[field])?.into(),
            None,
            draft.correlation_id.to_string().into(),
        ));
        Ok(self.newest_change)
    }

    /// Chains `row` to the end; returns the hash before and its own.
    fn chain(&mut self, row: &AuditColumns<'_>) -> (String, String) {
        let hash = row.hash(&self.chain_end.1);
        let end = (row.seq, hash.clone());
        (std::mem::replace(&mut self.chain_end, end).1, hash)
    }

    /// Returns the number and the hash of the last audit row, those of this group included.
    pub(super) fn chain_end(&self) -> (u64, &str) {
        (self.chain_end.0, &self.chain_end.1)
    }

    /// Returns what was added.
    pub(super) fn into_lines(self) -> Lines<'a> {
        self.lines
    }
}
