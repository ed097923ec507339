//! What a remote object looks like, in words that hold for every platform.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::ObjectName;

/// What a remote field holds. Lengths are in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteKind {
    /// The id of the record itself.
    Id,
    /// Text of one line, or a few.
    Text {
        /// Longest text.
        length: u32,
    },
    /// Text that is too long to be searched.
    LongText {
        /// Longest text.
        length: u32,
    },
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Decimal {
        /// Most digits.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// An amount of money.
    Currency {
        /// Most digits.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// A percentage, from 0 to 100.
    Percent {
        /// Most digits.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// A time of day.
    Time,
    /// One of a list of words.
    Picklist {
        /// Words that can be chosen, in their order.
        values: Vec<String>,
        /// Whether other words are refused.
        is_restricted: bool,
    },
    /// Several of a list of words.
    MultiPicklist {
        /// Words that can be chosen, in their order.
        values: Vec<String>,
        /// Whether other words are refused.
        is_restricted: bool,
    },
    /// The id of another record.
    Reference {
        /// Objects it may lead to.
        to: Vec<ObjectName>,
        /// Whether it may lead to several objects.
        is_polymorphic: bool,
    },
    /// An e-mail address.
    Email {
        /// Longest text.
        length: u32,
    },
    /// A phone number.
    Phone {
        /// Longest text.
        length: u32,
    },
    /// A web address.
    Url {
        /// Longest text.
        length: u32,
    },
    /// A value that other fields are the parts of, such as an address: map the parts.
    Compound,
    /// Bytes.
    Binary,
    /// Text that is stored encrypted.
    Encrypted {
        /// Longest text.
        length: u32,
    },
    /// Something that has no word here.
    Other {
        /// What the platform calls it.
        name: String,
    },
}

impl RemoteKind {
    /// Returns the kind as people read it, without its sizes.
    pub fn name(&self) -> &str {
        match self {
            Self::Id => "record id",
            Self::Text { .. } => "text",
            Self::LongText { .. } => "long text",
            Self::Bool => "yes or no",
            Self::Int => "whole number",
            Self::Decimal { .. } => "number",
            Self::Currency { .. } => "amount of money",
            Self::Percent { .. } => "percentage",
            Self::Date => "day",
            Self::DateTime => "date and time",
            Self::Time => "time of day",
            Self::Picklist { .. } => "picklist",
            Self::MultiPicklist { .. } => "picklist of several values",
            Self::Reference { .. } => "reference",
            Self::Email { .. } => "e-mail address",
            Self::Phone { .. } => "phone number",
            Self::Url { .. } => "web address",
            Self::Compound => "compound value",
            Self::Binary => "bytes",
            Self::Encrypted { .. } => "encrypted text",
            Self::Other { name } => name,
        }
    }

    /// Returns the longest text, where it is text of bounded length.
    pub fn max_length(&self) -> Option<u32> {
        match self {
            Self::Text { length }
            | Self::LongText { length }
            | Self::Email { length }
            | Self::Phone { length }
            | Self::Url { length }
            | Self::Encrypted { length } => Some(*length),
            _ => None,
        }
    }

    /// Returns the digits before and behind the point, where it is a number with a fraction.
    pub fn digits(&self) -> Option<(u32, u32)> {
        match self {
            Self::Decimal { precision, scale }
            | Self::Currency { precision, scale }
            | Self::Percent { precision, scale } => {
                Some((precision.saturating_sub(*scale), *scale))
            }
            _ => None,
        }
    }

    /// Returns the words that can be chosen, and whether others are refused.
    pub fn choices(&self) -> Option<(&[String], bool)> {
        match self {
            Self::Picklist { values, is_restricted }
            | Self::MultiPicklist { values, is_restricted } => Some((values, *is_restricted)),
            _ => None,
        }
    }

    /// Returns the objects a reference may lead to.
    pub fn targets(&self) -> Option<&[ObjectName]> {
        match self {
            Self::Reference { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Tells whether both are the same but for sizes, words and targets.
    pub fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other { name }, Self::Other { name: other }) => name == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// A field of a remote object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteField {
    /// Its name over there.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it holds.
    pub kind: RemoteKind,
    /// Whether it may be empty.
    pub is_nullable: bool,
    /// Whether a new record may carry it.
    pub can_create: bool,
    /// Whether it can be changed.
    pub can_update: bool,
    /// Whether the platform works it out.
    pub is_calculated: bool,
    /// Whether records can be written by its value.
    pub is_external_id: bool,
    /// Whether no two records may share a value.
    pub is_unique: bool,
    /// Whether a new record without it is refused.
    pub is_required_on_create: bool,
}

impl RemoteField {
    /// Tells whether it can be written at all.
    pub fn is_writable(&self) -> bool {
        self.can_create || self.can_update
    }
}

/// A digest of everything of an object that a sync depends on: 64 hexadecimal digits.
///
/// Two descriptions share it exactly when there is no drift between them. Labels and the order of
/// fields and words say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A remote object as one user sees it: fields that the user may not see are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteObject {
    /// Its name over there.
    pub name: ObjectName,
    /// What people read.
    pub label: String,
    /// Its fields.
    pub fields: Vec<RemoteField>,
}

/// What of a field is digested. Names in small letters: a platform may write them either way.
#[derive(Serialize)]
struct Line<'a> {
    name: String,
    kind: (&'a str, &'a str),
    length: Option<u32>,
    digits: Option<(u32, u32)>,
    choices: Option<(BTreeSet<&'a str>, bool)>,
    targets: Option<(BTreeSet<String>, bool)>,
    flags: [bool; 7],
}

impl RemoteObject {
    /// Finds a field; case does not count.
    pub fn field(&self, name: &str) -> Option<&RemoteField> {
        self.fields.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Digests what a sync depends on.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut lines: Vec<Line<'_>> = self.fields.iter().map(line).collect();
        lines.sort_by(|left, right| left.name.cmp(&right.name));
        // Text, numbers and lists always become JSON.
        let written = serde_json::to_vec(&(self.name.as_str().to_ascii_lowercase(), lines));
        debug_assert!(written.is_ok(), "a description is always JSON");
        let digest = Sha256::digest(written.unwrap_or_default());
        Fingerprint(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn line(field: &RemoteField) -> Line<'_> {
    let choices = field.kind.choices().map(|(values, is_restricted)| {
        (values.iter().map(String::as_str).collect(), is_restricted)
    });
    let targets = match &field.kind {
        RemoteKind::Reference { to, is_polymorphic } => {
            let to = to.iter().map(|it| it.as_str().to_ascii_lowercase()).collect();
            Some((to, *is_polymorphic))
        }
        _ => None,
    };
    // A kind that has no word here may be called like one that has.
    let kind = match &field.kind {
        RemoteKind::Other { name } => ("other", name.as_str()),
        known => (known.name(), ""),
    };
    Line {
        name: field.name.to_ascii_lowercase(),
        kind,
        length: field.kind.max_length(),
        digits: field.kind.digits(),
        choices,
        targets,
        flags: [
            field.is_nullable,
            field.can_create,
            field.can_update,
            field.is_calculated,
            field.is_external_id,
            field.is_unique,
            field.is_required_on_create,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: RemoteKind) -> RemoteField {
        RemoteField {
            name: name.to_owned(),
            label: name.to_owned(),
            kind,
            is_nullable: true,
            can_create: true,
            can_update: true,
            is_calculated: false,
            is_external_id: false,
            is_unique: false,
            is_required_on_create: false,
        }
    }

    fn object(fields: Vec<RemoteField>) -> RemoteObject {
        RemoteObject { name: ObjectName::parse("Case").unwrap(), label: "Case".into(), fields }
    }

    fn picklist(values: &[&str]) -> RemoteKind {
        let values = values.iter().map(|it| (*it).to_owned()).collect();
        RemoteKind::Picklist { values, is_restricted: false }
    }

    #[test]
    fn order_labels_and_case_of_names_do_not_change_the_fingerprint() {
        let first = object(vec![
            field("Subject", RemoteKind::Text { length: 255 }),
            field("Status", picklist(&["New", "Closed"])),
        ]);
        let mut second = object(vec![
            field("status", picklist(&["Closed", "New"])),
            field("Subject", RemoteKind::Text { length: 255 }),
        ]);
        second.label = "Fall".into();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.fingerprint().to_string().len(), 64);
    }

    #[test]
    fn every_detail_changes_the_fingerprint() {
        let base = field("A", picklist(&["x"]));
        let prints: BTreeSet<String> = [
            base.clone(),
            field("B", picklist(&["x"])),
            field("A", picklist(&["x", "y"])),
            field("A", RemoteKind::Picklist { values: vec!["x".into()], is_restricted: true }),
            field(
                "A",
                RemoteKind::MultiPicklist { values: vec!["x".into()], is_restricted: false },
            ),
            field("A", RemoteKind::Text { length: 1 }),
            field("A", RemoteKind::Text { length: 2 }),
            field("A", RemoteKind::Decimal { precision: 18, scale: 2 }),
            field("A", RemoteKind::Decimal { precision: 18, scale: 3 }),
            field("A", RemoteKind::Id),
            field("A", RemoteKind::Other { name: "record id".into() }),
            field("A", RemoteKind::Reference { to: Vec::new(), is_polymorphic: false }),
            field("A", RemoteKind::Reference { to: Vec::new(), is_polymorphic: true }),
            RemoteField { is_nullable: false, ..base.clone() },
            RemoteField { can_create: false, ..base.clone() },
            RemoteField { can_update: false, ..base.clone() },
            RemoteField { is_calculated: true, ..base.clone() },
            RemoteField { is_external_id: true, ..base.clone() },
            RemoteField { is_unique: true, ..base.clone() },
            RemoteField { is_required_on_create: true, ..base },
        ]
        .into_iter()
        .map(|it| object(vec![it]).fingerprint().to_string())
        .collect();
        assert_eq!(prints.len(), 20);
    }

    #[test]
    fn description_is_kept_as_json_and_read_again() {
        let to = vec![ObjectName::parse("Account").unwrap()];
        let kind = RemoteKind::Reference { to, is_polymorphic: false };
        let kept = object(vec![field("AccountId", kind), field("Status", picklist(&["New"]))]);
        let json = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<RemoteObject>(&json).unwrap(), kept);
    }
}
