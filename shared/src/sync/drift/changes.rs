//! The single changes of a field: found, weighed, and told in plain words.

use std::collections::BTreeSet;
use std::fmt;

use super::{FieldChange, FieldUse, MappedFields, Severity};
use crate::ids::ObjectName;
use crate::sync::remote_schema::{RemoteField, RemoteKind};

/// Where a change happened.
pub(super) struct Place<'a> {
    pub(super) field: &'a str,
    pub(super) used: Option<FieldUse>,
    pub(super) mapped: &'a MappedFields,
    pub(super) now: Option<&'a RemoteField>,
}

/// Lists what changed from `old` to `new`, which have the same name.
pub(super) fn between(old: &RemoteField, new: &RemoteField) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if old.kind.is_same_kind(&new.kind) {
        of_sizes(&old.kind, &new.kind, &mut changes);
        of_words(&old.kind, &new.kind, &mut changes);
        of_targets(&old.kind, &new.kind, &mut changes);
    } else {
        changes.push(FieldChange::Retyped { from: old.kind.clone(), to: new.kind.clone() });
    }
    of_writing(old, new, &mut changes);
    for (was, is, gained, lost) in [
        (
            old.is_required_on_create,
            new.is_required_on_create,
            FieldChange::BecameRequired,
            FieldChange::BecameOptional,
        ),
        (
            old.is_nullable,
            new.is_nullable,
            FieldChange::GainedEmptiness,
            FieldChange::LostEmptiness,
        ),
        (
            old.is_calculated,
            new.is_calculated,
            FieldChange::BecameCalculated,
            FieldChange::LostCalculation,
        ),
        (
            old.is_external_id,
            new.is_external_id,
            FieldChange::GainedExternalId,
            FieldChange::LostExternalId,
        ),
        (old.is_unique, new.is_unique, FieldChange::BecameUnique, FieldChange::LostUniqueness),
    ] {
        match (was, is) {
            (false, true) => changes.push(gained),
            (true, false) => changes.push(lost),
            _ => {}
        }
    }
    changes
}

fn of_sizes(old: &RemoteKind, new: &RemoteKind, changes: &mut Vec<FieldChange>) {
    if let (Some(from), Some(to)) = (old.max_length(), new.max_length()) {
        if to < from {
            changes.push(FieldChange::Shortened { from, to });
        } else if to > from {
            changes.push(FieldChange::Lengthened { from, to });
        }
    }
    if let (Some(from), Some(to)) = (old.digits(), new.digits()) {
        if to.0 < from.0 || to.1 < from.1 {
            changes.push(FieldChange::PrecisionReduced);
        } else if to != from {
            changes.push(FieldChange::PrecisionRaised);
        }
    }
}

fn of_words(old: &RemoteKind, new: &RemoteKind, changes: &mut Vec<FieldChange>) {
    let (Some((old, was_restricted)), Some((new, is_restricted))) = (old.choices(), new.choices())
    else {
        return;
    };
    let gone = missing(old, new);
    let fresh = missing(new, old);
    if !gone.is_empty() {
        changes.push(FieldChange::PicklistShortened { gone, is_restricted });
    }
    if !fresh.is_empty() {
        changes.push(FieldChange::PicklistGrown { new: fresh });
    }
    match (was_restricted, is_restricted) {
        (false, true) => changes.push(FieldChange::PicklistRestricted),
        (true, false) => changes.push(FieldChange::PicklistOpened),
        _ => {}
    }
}

/// Lists the members of `from` that `other` lacks, in their order, each once.
fn missing(from: &[String], other: &[String]) -> Vec<String> {
    let other: BTreeSet<&String> = other.iter().collect();
    let mut seen = BTreeSet::new();
    from.iter().filter(|it| !other.contains(it) && seen.insert(*it)).cloned().collect()
}

fn of_targets(old: &RemoteKind, new: &RemoteKind, changes: &mut Vec<FieldChange>) {
    let (
        RemoteKind::Reference { to: old, is_polymorphic: was_polymorphic },
        RemoteKind::Reference { to: new, is_polymorphic },
    ) = (old, new)
    else {
        return;
    };
    let missing = |from: &[ObjectName], other: &[ObjectName]| {
        let is_there = |name: &ObjectName| {
            other.iter().any(|it| it.as_str().eq_ignore_ascii_case(name.as_str()))
        };
        from.iter().filter(|it| !is_there(it)).cloned().collect::<Vec<_>>()
    };
    let (gone, fresh) = (missing(old, new), missing(new, old));
    if !gone.is_empty() || !fresh.is_empty() || was_polymorphic != is_polymorphic {
        changes.push(FieldChange::Retargeted { gone, new: fresh });
    }
}

fn of_writing(old: &RemoteField, new: &RemoteField, changes: &mut Vec<FieldChange>) {
    let (was, is) = ((old.can_create, old.can_update), (new.can_create, new.can_update));
    let change = match (was, is) {
        _ if was == is => return,
        (_, (false, false)) => FieldChange::BecameReadOnly,
        ((false, false), _) => FieldChange::BecameWritable,
        (_, (true, true)) => FieldChange::WriteWidened,
        (_, (can_create, _)) => FieldChange::WriteNarrowed { can_create },
    };
    changes.push(change);
}

impl FieldChange {
    /// Tells how much the change matters to a mapping.
    pub(super) fn severity(&self, place: &Place<'_>) -> Severity {
        use Severity::{BreaksMappedField, NeedsAttention, Note};
        let is_mapped = place.used.is_some();
        let is_written = place.used.is_some_and(FieldUse::is_written);
        let is_key = place.used == Some(FieldUse::Key);
        let when = |holds: bool, severity: Severity| if holds { severity } else { Note };
        match self {
            Self::Gone { .. } | Self::Retyped { .. } => when(is_mapped, BreaksMappedField),
            Self::BecameReadOnly => when(is_written, BreaksMappedField),
            Self::LostExternalId => when(is_key, BreaksMappedField),
            Self::WriteNarrowed { .. }
            | Self::Shortened { .. }
            | Self::PrecisionReduced
            | Self::LostEmptiness
            | Self::BecameUnique
            | Self::PicklistRestricted => when(is_written, NeedsAttention),
            Self::PicklistShortened { is_restricted, .. } => {
                when(is_mapped && (is_written || *is_restricted), NeedsAttention)
            }
            // What works a value out for itself moves no stamp, so reading changes misses it.
            Self::BecameCalculated | Self::Retargeted { .. } => when(is_mapped, NeedsAttention),
            Self::BecameRequired => when(place.mapped.has_writes() && !is_written, NeedsAttention),
            Self::LostUniqueness => when(is_key, NeedsAttention),
            Self::BecameReadable => NeedsAttention,
            Self::New => {
                let is_required = place.now.is_some_and(|it| it.is_required_on_create);
                when(is_required && place.mapped.has_writes(), NeedsAttention)
            }
            Self::Lengthened { .. }
            | Self::PrecisionRaised
            | Self::PicklistGrown { .. }
            | Self::PicklistOpened
            | Self::BecameOptional
            | Self::GainedEmptiness
            | Self::BecameWritable
            | Self::WriteWidened
            | Self::LostCalculation
            | Self::GainedExternalId => Note,
        }
    }

    /// Returns what to do about it; `None` where nothing has to be done.
    pub(super) fn fix(&self, severity: Severity, place: &Place<'_>) -> Option<String> {
        if severity == Severity::Note {
            return None;
        }
        let field = place.field;
        Some(match self {
            Self::Gone { perhaps_renamed_to: Some(name) } => format!(
                "if it was renamed, map `{name}` instead; else let the user see it again, or take \
                 it out of the mapping"
            ),
            Self::Gone { perhaps_renamed_to: None } => {
                "let the user see it again (field-level security), or take it out of the mapping"
                    .to_owned()
            }
            Self::Retyped { to, .. } => {
                format!("map `{field}` as {}, with a conversion where values differ", to.name())
            }
            Self::BecameReadOnly => {
                "let the user edit it again, or map it for reading only".to_owned()
            }
            Self::WriteNarrowed { can_create: true } => {
                "let the user edit it again, or expect changes of it to be refused".to_owned()
            }
            Self::WriteNarrowed { can_create: false } => {
                "let the user set it again, or expect new records to lack it".to_owned()
            }
            Self::LostExternalId => {
                format!("mark `{field}` as an external id again, or write by another key")
            }
            Self::Shortened { to, .. } => {
                format!("cut longer text to {to} characters in the mapping, or lengthen the field")
            }
            Self::PrecisionReduced => {
                "round in the mapping, or give the field its digits back".to_owned()
            }
            Self::PicklistShortened { .. } => {
                "map the words that are gone to others, or add them to the list again".to_owned()
            }
            Self::PicklistRestricted => {
                "add every word that is written to the list, or convert it in the mapping"
                    .to_owned()
            }
            Self::LostEmptiness => "give the mapping a value for empty ones".to_owned(),
            Self::BecameUnique => "make sure that no two records share a value".to_owned(),
            Self::LostUniqueness => {
                format!(
                    "mark `{field}` as unique again: a key that two records share finds neither"
                )
            }
            Self::BecameCalculated => {
                "map it for reading only, and let it be refreshed with its formula".to_owned()
            }
            Self::Retargeted { .. } => "map the objects that it leads to now".to_owned(),
            Self::BecameRequired | Self::New => {
                format!("map `{field}`, or give it a default: new records without it are refused")
            }
            Self::BecameReadable => {
                format!(
                    "read all records again, so that `{field}` is filled in those that did not change"
                )
            }
            _ => return None,
        })
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("is new"),
            Self::BecameReadable => f.write_str("can be seen now"),
            Self::Gone { perhaps_renamed_to: Some(name) } => {
                write!(f, "is gone (perhaps it is `{name}` now)")
            }
            Self::Gone { perhaps_renamed_to: None } => f.write_str("is gone"),
            Self::Retyped { from, to } => {
                write!(f, "changed from {} to {}", from.name(), to.name())
            }
            Self::Shortened { from, to } => {
                write!(f, "takes {to} characters instead of {from}")
            }
            Self::Lengthened { from, to } => {
                write!(f, "takes {to} characters instead of {from}, which is more")
            }
            Self::PrecisionReduced => f.write_str("takes fewer digits"),
            Self::PrecisionRaised => f.write_str("takes more digits"),
            Self::PicklistShortened { gone, .. } => {
                write!(f, "lost the words {}", quoted(gone))
            }
            Self::PicklistGrown { new } => write!(f, "gained the words {}", quoted(new)),
            Self::PicklistRestricted => f.write_str("refuses words that are not on its list"),
            Self::PicklistOpened => f.write_str("takes words that are not on its list"),
            Self::Retargeted { .. } => f.write_str("leads to other objects"),
            Self::BecameRequired => f.write_str("is required for new records"),
            Self::BecameOptional => f.write_str("is no longer required for new records"),
            Self::LostEmptiness => f.write_str("must not be empty"),
            Self::GainedEmptiness => f.write_str("may be empty"),
            Self::BecameReadOnly => f.write_str("cannot be written"),
            Self::BecameWritable => f.write_str("can be written"),
            Self::WriteNarrowed { can_create: true } => {
                f.write_str("can be set in new records only")
            }
            Self::WriteNarrowed { can_create: false } => {
                f.write_str("can be changed but not set in new records")
            }
            Self::WriteWidened => f.write_str("can be set and changed"),
            Self::BecameCalculated => f.write_str("is worked out by the platform"),
            Self::LostCalculation => f.write_str("is no longer worked out by the platform"),
            Self::LostExternalId => f.write_str("is no external id"),
            Self::GainedExternalId => f.write_str("is an external id"),
            Self::BecameUnique => f.write_str("must be unique"),
            Self::LostUniqueness => f.write_str("need not be unique"),
        }
    }
}

/// Lists words for people, the first few of many.
fn quoted(words: &[String]) -> String {
    const MAX_SHOWN: usize = 5;
    let mut text: Vec<String> =
        words.iter().take(MAX_SHOWN).map(|word| format!("`{word}`")).collect();
    if words.len() > MAX_SHOWN {
        text.push(format!("{} more", words.len() - MAX_SHOWN));
    }
    text.join(", ")
}
