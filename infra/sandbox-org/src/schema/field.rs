//! One field of an object.

use serde::{Deserialize, Serialize};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// The id of the row itself.
    Id,
    /// One line of text.
    Text,
    /// Several lines of text.
    TextArea,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// A web address.
    Url,
    /// One of a list of words; other words are taken too.
    Picklist,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// An instant, to the second.
    DateTime,
    /// A number with a fraction.
    Double,
    /// An amount of money.
    Currency,
    /// A whole number.
    Int,
    /// The id of another row.
    Reference,
    /// An address put together from other fields, never written itself.
    Address,
}

impl FieldKind {
    /// Returns the name that describe gives this kind.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Text => "string",
            Self::TextArea => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Picklist => "picklist",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Int => "int",
            Self::Reference => "reference",
            Self::Address => "address",
        }
    }

    /// Finds the kind with this describe name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            Self::Id,
            Self::Text,
            Self::TextArea,
            Self::Email,
            Self::Phone,
            Self::Url,
            Self::Picklist,
            Self::Boolean,
            Self::Date,
            Self::DateTime,
            Self::Double,
            Self::Currency,
            Self::Int,
            Self::Reference,
            Self::Address,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// Tells whether values are text that literals must quote.
    #[must_use]
    pub(crate) fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Boolean | Self::Date | Self::DateTime | Self::Double | Self::Currency | Self::Int
        )
    }
}

/// What field-level security lets the integration user do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    /// Read and write it.
    #[default]
    Full,
    /// Read it.
    ReadOnly,
    /// Nothing: for the API the field is not there.
    Hidden,
}

/// One field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// API name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) kind: FieldKind,
    /// Longest text, in characters; 0 where there is no such limit.
    pub(crate) length: usize,
    /// Whether a create may carry it.
    pub(crate) createable: bool,
    /// Whether an update may carry it.
    pub(crate) updateable: bool,
    /// Whether it may be empty.
    pub(crate) nillable: bool,
    /// Whether it identifies rows of another system.
    pub(crate) external_id: bool,
    /// Whether no two rows may share a value.
    pub(crate) unique: bool,
    /// Whether a row can be found by it.
    pub(crate) id_lookup: bool,
    /// Whether the org numbers it.
    pub(crate) auto_number: bool,
    /// Whether the org fills it when a create leaves it out.
    pub(crate) defaulted: bool,
    /// Whether a query may filter by it.
    pub(crate) filterable: bool,
    /// Whether it is the name of the row.
    pub(crate) name_field: bool,
    /// Value of a new row.
    pub(crate) default: Option<String>,
    /// Words of a picklist, in order.
    pub(crate) values: Vec<String>,
    /// Objects that a reference may point to.
    pub(crate) reference_to: Vec<String>,
    /// Name that leads from a row to the referenced row, such as `Account`.
    pub(crate) relationship: Option<String>,
    /// Name of the list of rows that point here, such as `Cases`.
    pub(crate) children: Option<String>,
    /// Compound field that this one is part of.
    pub(crate) part_of: Option<String>,
    /// Whether other words than those of the picklist are refused.
    pub(crate) restricted: bool,
    /// Label, where it does not follow from the name.
    pub(crate) given_label: Option<String>,
    /// What the integration user may do with it.
    pub(crate) access: Access,
    /// Whether it was deleted; its place stays, so that rows and open queries keep theirs.
    pub(crate) is_gone: bool,
}

impl Field {
    /// Tells whether this is a custom field.
    #[must_use]
    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Tells whether the API knows it.
    #[must_use]
    pub(crate) fn is_visible(&self) -> bool {
        !self.is_gone && self.access != Access::Hidden
    }

    /// Tells whether it points to a row that is more than a user.
    #[must_use]
    pub(crate) fn is_parent(&self) -> bool {
        let is_user = |name: &String| matches!(name.as_str(), "User" | "Group");
        self.kind == FieldKind::Reference && !self.reference_to.iter().all(is_user)
    }

    /// Tells whether a create may carry it.
    #[must_use]
    pub(crate) fn is_createable(&self) -> bool {
        self.createable && self.access == Access::Full
    }

    /// Tells whether an update may carry it.
    #[must_use]
    pub(crate) fn is_updateable(&self) -> bool {
        self.updateable && self.access == Access::Full
    }

    /// Tells whether a create must carry it.
    #[must_use]
    pub(crate) fn is_required(&self) -> bool {
        let may_be_left_out = self.nillable || self.defaulted || self.kind == FieldKind::Boolean;
        self.createable && !may_be_left_out && !self.is_gone
    }

    /// Returns the label: the one it was given, else the API name with spaces between its words.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        if let Some(label) = &self.given_label {
            return label.clone();
        }
        let stem = self.name.strip_suffix("__c").unwrap_or(&self.name);
        let mut label = String::with_capacity(stem.len() + 4);
        let mut before_is_lower = false;
        for ch in stem.chars() {
            if ch == '_' {
                label.push(' ');
            } else {
                if ch.is_uppercase() && before_is_lower {
                    label.push(' ');
                }
                label.push(ch);
            }
            before_is_lower = ch.is_lowercase();
        }
        label
    }
}
