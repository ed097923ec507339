//! What changed in a remote object since it was last looked at, and what that does to a mapping.

mod changes;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mapping::{Direction, ObjectMapping};
use super::remote_schema::{RemoteField, RemoteKind, RemoteObject};
use crate::config::nearest_in_any_case;
use crate::ids::ObjectName;

/// How much a change matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing has to be done.
    Note,
    /// A person should look at it: some records may be refused, or a field may be worth mapping.
    NeedsAttention,
    /// A mapped field does not work any more. The others go on.
    BreaksMappedField,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::NeedsAttention => "needs attention",
            Self::BreaksMappedField => "breaks mapped field",
        })
    }
}

/// What a mapping does with a remote field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldUse {
    /// It is read.
    Read,
    /// It is written.
    Write,
    /// It is read and written.
    ReadAndWrite,
    /// Records are found by it when they are written.
    Key,
}

impl FieldUse {
    fn is_written(self) -> bool {
        self != Self::Read
    }
}

/// The remote fields that a mapping uses; case of the names does not count.
#[derive(Clone, Debug, Default)]
pub struct MappedFields {
    by_name: BTreeMap<String, (String, FieldUse)>,
}

impl MappedFields {
    /// Returns what is done with `field`; `None` when it is not mapped.
    pub fn use_of(&self, field: &str) -> Option<FieldUse> {
        self.by_name.get(&field.to_ascii_lowercase()).map(|(_, used)| *used)
    }

    /// Tells whether records are written at all.
    fn has_writes(&self) -> bool {
        self.by_name.values().any(|(_, used)| used.is_written())
    }
}

impl<T: Into<String>> FromIterator<(T, FieldUse)> for MappedFields {
    fn from_iter<I: IntoIterator<Item = (T, FieldUse)>>(fields: I) -> Self {
        let named = |(name, used): (T, FieldUse)| {
            let name = name.into();
            (name.to_ascii_lowercase(), (name, used))
        };
        Self { by_name: fields.into_iter().map(named).collect() }
    }
}

impl From<&ObjectMapping> for MappedFields {
    /// Collects what `mapping` uses of its own object; fields of parents are described with those.
    fn from(mapping: &ObjectMapping) -> Self {
        let rules = &mapping.rules;
        let filtered = rules.filters.iter().map(|it| it.field.as_str());
        let read = filtered.chain(rules.merged_into.as_deref()).map(|it| (it, FieldUse::Read));
        let mapped = mapping.fields.iter().map(|it| {
            let used = match it.direction {
                Direction::In | Direction::None => FieldUse::Read,
                Direction::Out => FieldUse::Write,
                Direction::Both => FieldUse::ReadAndWrite,
            };
            (it.remote.as_str(), used)
        });
        let key = rules.external_id.as_deref().map(|it| (it, FieldUse::Key));
        // Of two uses of one field the last holds: the weightier ones come later.
        read.chain(mapped).chain(key).filter(|(name, _)| !name.contains('.')).collect()
    }
}

/// One thing that changed of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum FieldChange {
    /// The field was not there, or could not be seen, and nothing maps it.
    New,
    /// A mapped field that could not be seen can be seen now.
    BecameReadable,
    /// The field is not there any more, or cannot be seen any more.
    Gone {
        /// A new field that it was perhaps renamed to.
        perhaps_renamed_to: Option<String>,
    },
    /// It holds something else.
    Retyped {
        /// What it held.
        from: RemoteKind,
        /// What it holds.
        to: RemoteKind,
    },
    /// It takes shorter text.
    Shortened {
        /// The longest text before, in characters.
        from: u32,
        /// The longest text now.
        to: u32,
    },
    /// It takes longer text.
    Lengthened {
        /// The longest text before, in characters.
        from: u32,
        /// The longest text now.
        to: u32,
    },
    /// It takes fewer digits before or behind the point.
    PrecisionReduced,
    /// It takes more digits.
    PrecisionRaised,
    /// Words can no longer be chosen.
    PicklistShortened {
        /// Those words.
        gone: Vec<String>,
        /// Whether a record with one of them is refused.
        is_restricted: bool,
    },
    /// More words can be chosen.
    PicklistGrown {
        /// Those words.
        new: Vec<String>,
    },
    /// Words that are not on the list are refused now.
    PicklistRestricted,
    /// Words that are not on the list are taken now.
    PicklistOpened,
    /// It may lead to other objects.
    Retargeted {
        /// Objects it leads to no longer.
        gone: Vec<ObjectName>,
        /// Objects it may lead to as well.
        new: Vec<ObjectName>,
    },
    /// A new record without it is refused now.
    BecameRequired,
    /// A new record may leave it out now.
    BecameOptional,
    /// It must not be emptied any more.
    LostEmptiness,
    /// It may be empty now.
    GainedEmptiness,
    /// It cannot be written any more.
    BecameReadOnly,
    /// It can be written now.
    BecameWritable,
    /// New records may carry it no longer, or it can no longer be changed, but not both.
    WriteNarrowed {
        /// Whether new records may still carry it; else it can still be changed.
        can_create: bool,
    },
    /// It can be written in both ways now.
    WriteWidened,
    /// The platform works it out now.
    BecameCalculated,
    /// The platform works it out no longer.
    LostCalculation,
    /// Records can no longer be written by its value.
    LostExternalId,
    /// Records can be written by its value now.
    GainedExternalId,
    /// No two records may share a value now.
    BecameUnique,
    /// Records may share a value now.
    LostUniqueness,
}

/// Everything that changed of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The object.
    pub object: ObjectName,
    /// The field.
    pub field: String,
    /// What changed; at least one thing.
    pub changes: Vec<FieldChange>,
    /// How much the worst of it matters.
    pub severity: Severity,
    /// What is to be done about the worst of it; `None` when nothing is.
    pub fix: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` of `{}` ", self.severity, self.field, self.object)?;
        for (idx, change) in self.changes.iter().enumerate() {
            if idx > 0 {
                f.write_str(", ")?;
            }
            change.fmt(f)?;
        }
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

/// Compares an object as it was with the object as it is; lists each changed field once, the worst
/// first, then by name. A sync goes on with every field that is not broken.
pub fn drift(before: &RemoteObject, after: &RemoteObject, mapped: &MappedFields) -> Vec<Drift> {
    let fresh: Vec<&RemoteField> =
        after.fields.iter().filter(|it| before.field(&it.name).is_none()).collect();
    let mut drifts = Vec::new();
    for old in &before.fields {
        let changes = match after.field(&old.name) {
            Some(new) => changes::between(old, new),
            None => vec![FieldChange::Gone { perhaps_renamed_to: renamed(old, &fresh) }],
        };
        drifts.extend(judge(&after.name, &old.name, changes, mapped, after.field(&old.name)));
    }
    for new in fresh {
        let change = match mapped.use_of(&new.name) {
            Some(_) => FieldChange::BecameReadable,
            None => FieldChange::New,
        };
        drifts.extend(judge(&after.name, &new.name, vec![change], mapped, Some(new)));
    }
    sorted(drifts)
}

/// Compares a mapping with the object it maps: lists mapped fields that are not there, that cannot
/// be written though they should be, and required fields that nothing fills.
pub fn drift_of_mapping(object: &RemoteObject, mapped: &MappedFields) -> Vec<Drift> {
    let mut drifts = Vec::new();
    let known: Vec<&str> = object.fields.iter().map(|it| it.name.as_str()).collect();
    for (name, used) in mapped.by_name.values() {
        let field = object.field(name);
        let changes = match field {
            None => vec![FieldChange::Gone {
                perhaps_renamed_to: nearest_in_any_case(name, &known).map(str::to_owned),
            }],
            Some(field) if *used == FieldUse::Key && !field.is_external_id => {
                vec![FieldChange::LostExternalId]
            }
            Some(field) if used.is_written() && !field.is_writable() => {
                vec![FieldChange::BecameReadOnly]
            }
            Some(_) => continue,
        };
        drifts.extend(judge(&object.name, name, changes, mapped, field));
    }
    for field in object.fields.iter().filter(|it| it.is_required_on_create) {
        if mapped.has_writes() && mapped.use_of(&field.name).is_none() {
            let changes = vec![FieldChange::BecameRequired];
            drifts.extend(judge(&object.name, &field.name, changes, mapped, Some(field)));
        }
    }
    sorted(drifts)
}

fn sorted(mut drifts: Vec<Drift>) -> Vec<Drift> {
    drifts.sort_by(|left, right| {
        right.severity.cmp(&left.severity).then_with(|| left.field.cmp(&right.field))
    });
    drifts
}

/// Weighs the changes of one field; `None` when there are none.
fn judge(
    object: &ObjectName,
    field: &str,
    changes: Vec<FieldChange>,
    mapped: &MappedFields,
    now: Option<&RemoteField>,
) -> Option<Drift> {
    let place = changes::Place { field, used: mapped.use_of(field), mapped, now };
    let worst = changes
        .iter()
        .map(|change| (change.severity(&place), change))
        .reduce(|worst, here| if here.0 > worst.0 { here } else { worst });
    let (severity, change) = worst?;
    let fix = change.fix(severity, &place);
    Some(Drift { object: object.clone(), field: field.to_owned(), changes, severity, fix })
}

/// Finds the new field that `old` may be called now: of the same kind, with the same label or
/// nearly the same name.
fn renamed(old: &RemoteField, fresh: &[&RemoteField]) -> Option<String> {
    let alike: Vec<&RemoteField> =
        fresh.iter().copied().filter(|it| it.kind.is_same_kind(&old.kind)).collect();
    let by_label = alike.iter().find(|it| !it.label.is_empty() && it.label == old.label);
    if let Some(field) = by_label {
        return Some(field.name.clone());
    }
    let names: Vec<&str> = alike.iter().map(|it| it.name.as_str()).collect();
    nearest_in_any_case(&old.name, &names).map(str::to_owned)
}

#[cfg(test)]
mod tests;
