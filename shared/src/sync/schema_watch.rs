//! Looks at what mapped objects look like over there, and keeps what was seen for the next look.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drift::{Drift, MappedFields, Severity, drift, drift_of_mapping};
use super::mapping::ObjectMapping;
use super::remote_schema::RemoteObject;
use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, ObjectName};
use crate::ports::{Ledger, SchemaReader};
use crate::time::Timestamp;

/// One thing that a look found, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaFinding {
    /// The field over there.
    pub field: String,
    /// How much it matters.
    pub severity: Severity,
    /// What changed, and what is to be done about it.
    pub text: String,
}

impl From<&Drift> for SchemaFinding {
    fn from(drift: &Drift) -> Self {
        let (field, severity) = (drift.field.clone(), drift.severity);
        Self { field, severity, text: drift.to_string() }
    }
}

/// What the last look at an object found.
///
/// Kept in the ledger under [`SchemaNote::ledger_name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaNote {
    /// When it was.
    pub looked_at: Timestamp,
    /// What it found, the worst first.
    pub findings: Vec<SchemaFinding>,
}

impl SchemaNote {
    /// The prefix of the ledger names of all notes.
    pub const LEDGER_PREFIX: &'static str = "drift/";

    /// Returns the ledger name of the note on `object` behind `connection`.
    pub fn ledger_name(connection: &ConnectionId, object: &ObjectName) -> String {
        format!("{}{connection}/{object}", Self::LEDGER_PREFIX)
    }
}

/// Looks at the objects of one connection.
///
/// The description that drift is measured against is kept in the ledger under
/// `schema/CONNECTION/OBJECT`: at the first look, and when a person accepts what changed.
#[derive(Clone, Copy)]
pub struct SchemaWatch<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// Tells what objects look like.
    pub schema: &'a dyn SchemaReader,
    /// Where descriptions and notes are kept.
    pub ledger: &'a dyn Ledger,
}

impl SchemaWatch<'_> {
    /// Compares the object of `mapping` with its kept description and with the mapping; lists each
    /// field once, the worst first.
    ///
    /// # Errors
    ///
    /// When the object cannot be described, or the ledger does not answer.
    pub async fn look(
        &self,
        mapping: &ObjectMapping,
        now: Timestamp,
    ) -> Result<Vec<Drift>, PortError> {
        let present = self.schema.describe(&mapping.object).await?;
        let used = MappedFields::from(mapping);
        let (before, revision) = self.read::<RemoteObject>(&self.name_of(mapping)).await?;
        let changed = match before {
            Some(before) => drift(&before, &present, &used),
            None => {
                self.write(&self.name_of(mapping), &present, revision).await?;
                Vec::new()
            }
        };
        let drifts = together(changed, drift_of_mapping(&present, &used));
        self.note(mapping, now, drifts.iter().map(SchemaFinding::from).collect()).await?;
        Ok(drifts)
    }

    /// Keeps what the object of `mapping` looks like now as what it shall look like; lists what does
    /// not fit the mapping nonetheless.
    ///
    /// # Errors
    ///
    /// As [`look`](Self::look).
    pub async fn accept(
        &self,
        mapping: &ObjectMapping,
        now: Timestamp,
    ) -> Result<Vec<Drift>, PortError> {
        let present = self.schema.describe(&mapping.object).await?;
        let (_, revision) = self.read::<RemoteObject>(&self.name_of(mapping)).await?;
        self.write(&self.name_of(mapping), &present, revision).await?;
        let drifts = drift_of_mapping(&present, &MappedFields::from(mapping));
        self.note(mapping, now, drifts.iter().map(SchemaFinding::from).collect()).await?;
        Ok(drifts)
    }

    /// Looks when the last look, even one that failed, was `every` or longer ago; returns the note,
    /// and whether it is of now.
    ///
    /// # Errors
    ///
    /// As [`look`](Self::look); the next look waits for `every` as well.
    pub async fn look_when_due(
        &self,
        mapping: &ObjectMapping,
        now: Timestamp,
        every: Duration,
    ) -> Result<(SchemaNote, bool), PortError> {
        let name = SchemaNote::ledger_name(self.connection, &mapping.object);
        let (note, _) = self.read::<SchemaNote>(&name).await?;
        if let Some(note) = &note
            && now.since(note.looked_at) < every
        {
            return Ok((note.clone(), false));
        }
        let findings = note.map(|it| it.findings).unwrap_or_default();
        // Before the look: one that fails, or is given up, is not tried again at once.
        self.note(mapping, now, findings).await?;
        let drifts = self.look(mapping, now).await?;
        let findings = drifts.iter().map(SchemaFinding::from).collect();
        Ok((SchemaNote { looked_at: now, findings }, true))
    }

    fn name_of(&self, mapping: &ObjectMapping) -> String {
        format!("schema/{}/{}", self.connection, mapping.object)
    }

    async fn note(
        &self,
        mapping: &ObjectMapping,
        looked_at: Timestamp,
        findings: Vec<SchemaFinding>,
    ) -> Result<(), PortError> {
        let name = SchemaNote::ledger_name(self.connection, &mapping.object);
        let (_, revision) = self.read::<SchemaNote>(&name).await?;
        self.write(&name, &SchemaNote { looked_at, findings }, revision).await
    }

    /// Reads an entry and its revision; one that cannot be read counts as not there.
    async fn read<T: for<'de> Deserialize<'de>>(
        &self,
        name: &str,
    ) -> Result<(Option<T>, u64), PortError> {
        let entry = self.ledger.get(name).await?;
        let revision = entry.as_ref().map_or(0, |it| it.revision);
        Ok((entry.and_then(|it| serde_json::from_str(&it.value).ok()), revision))
    }

    async fn write<T: Serialize + Sync>(
        &self,
        name: &str,
        value: &T,
        revision: u64,
    ) -> Result<(), PortError> {
        let value = serde_json::to_string(value).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "ledger", "put", name).with_source(error)
        })?;
        match self.ledger.put(name, &value, revision).await {
            // Somebody else looked at the same moment, and saw the same.
            Err(error) if error.kind() == PortErrorKind::Conflict => Ok(()),
            written => written.map(drop),
        }
    }
}

/// Adds what does not fit the mapping to what changed; of two findings on one field the worse one
/// stays, and of equal ones what changed.
fn together(changed: Vec<Drift>, of_mapping: Vec<Drift>) -> Vec<Drift> {
    let mut all = changed;
    for found in of_mapping {
        match all.iter_mut().find(|it| it.field.eq_ignore_ascii_case(&found.field)) {
            Some(known) if known.severity >= found.severity => {}
            Some(known) => *known = found,
            None => all.push(found),
        }
    }
    all.sort_by(|left, right| {
        right.severity.cmp(&left.severity).then_with(|| left.field.cmp(&right.field))
    });
    all
}

#[cfg(test)]
mod tests;
