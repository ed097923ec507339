//! One field as describe tells it.

use serde::Deserialize;

/// What a field holds. Source: SOAP API guide, "Field types"; recorded describes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
pub enum FieldType {
    /// The id of the record itself.
    Id,
    /// One line of text.
    String,
    /// Several lines of text; `length` tells a long one.
    TextArea,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// A web address.
    Url,
    /// One of a list of words.
    Picklist,
    /// Several of a list of words, parted by semicolons.
    MultiPicklist,
    /// One of a list of words, or another.
    ComboBox,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// An instant, to the second.
    DateTime,
    /// A time of day.
    Time,
    /// A number with a fraction.
    Double,
    /// A whole number.
    Int,
    /// A large whole number.
    Long,
    /// An amount of money.
    Currency,
    /// A percentage, from 0 to 100.
    Percent,
    /// The id of another record.
    Reference,
    /// An address that other fields are the parts of.
    Address,
    /// A place that other fields are the parts of.
    Location,
    /// Bytes.
    Base64,
    /// Text that is stored encrypted.
    EncryptedString,
    /// A type of a later release.
    Other(String),
}

impl From<String> for FieldType {
    fn from(name: String) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "id" => Self::Id,
            "string" => Self::String,
            "textarea" => Self::TextArea,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "url" => Self::Url,
            "picklist" => Self::Picklist,
            "multipicklist" => Self::MultiPicklist,
            "combobox" => Self::ComboBox,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "time" => Self::Time,
            "double" => Self::Double,
            "int" | "integer" => Self::Int,
            "long" => Self::Long,
            "currency" => Self::Currency,
            "percent" => Self::Percent,
            "reference" => Self::Reference,
            "address" => Self::Address,
            "location" => Self::Location,
            "base64" => Self::Base64,
            "encryptedstring" => Self::EncryptedString,
            _ => Self::Other(name),
        }
    }
}

impl FieldType {
    /// Tells whether values are compared with quoted text.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::String
                | Self::TextArea
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::Picklist
                | Self::MultiPicklist
                | Self::ComboBox
                | Self::Reference
                | Self::EncryptedString
        )
    }

    /// Tells whether values are numbers.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Double | Self::Int | Self::Long | Self::Currency | Self::Percent)
    }

    /// Tells whether the field is put together from others.
    pub fn is_compound(&self) -> bool {
        matches!(self, Self::Address | Self::Location)
    }
}

/// One word of a picklist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PicklistValue {
    /// What records hold.
    pub value: String,
    /// What people read.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether it can still be chosen.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether new records begin with it.
    #[serde(default)]
    pub default_value: bool,
}

/// One field. Keys that are not named here are passed over.
///
/// Describe is told for one user: a field that the user may not see is missing, not flagged.
/// Source: REST API guide, "sObject describe"; recorded describes with 57 keys a field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDescribe {
    /// API name.
    pub name: String,
    /// What people read.
    #[serde(default)]
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Longest text, in characters; 0 for other types.
    #[serde(default)]
    pub length: u32,
    /// Most digits of a number with a fraction.
    #[serde(default)]
    pub precision: u32,
    /// Digits behind the point.
    #[serde(default)]
    pub scale: u32,
    /// Most digits of a whole number.
    #[serde(default)]
    pub digits: u32,
    /// Whether it may be empty.
    #[serde(default)]
    pub nillable: bool,
    /// Whether a create may carry it.
    #[serde(default)]
    pub createable: bool,
    /// Whether an update may carry it.
    #[serde(default)]
    pub updateable: bool,
    /// Whether the org works it out: a formula or a roll-up.
    #[serde(default)]
    pub calculated: bool,
    /// The formula, where the user may see it; a roll-up has none.
    #[serde(default)]
    pub calculated_formula: Option<String>,
    /// Whether the org numbers it.
    #[serde(default)]
    pub auto_number: bool,
    /// Whether it was added by the org or a package.
    #[serde(default)]
    pub custom: bool,
    /// Whether it identifies records of another system.
    #[serde(default)]
    pub external_id: bool,
    /// Whether no two records may share a value.
    #[serde(default)]
    pub unique: bool,
    /// Whether records can be found by it in an upsert.
    #[serde(default)]
    pub id_lookup: bool,
    /// Whether it is the name of the record.
    #[serde(default)]
    pub name_field: bool,
    /// Whether WHERE may ask for it.
    #[serde(default)]
    pub filterable: bool,
    /// Whether ORDER BY may name it.
    #[serde(default)]
    pub sortable: bool,
    /// Whether GROUP BY may name it.
    #[serde(default)]
    pub groupable: bool,
    /// Whether functions over groups take it; old releases do not say.
    #[serde(default)]
    pub aggregatable: Option<bool>,
    /// Objects that a reference may lead to.
    #[serde(default)]
    pub reference_to: Vec<String>,
    /// What leads from a record to the referenced one, such as `Account`.
    #[serde(default)]
    pub relationship_name: Option<String>,
    /// Whether a reference may lead to several objects.
    #[serde(default)]
    pub polymorphic_foreign_key: bool,
    /// Words of a picklist, in order.
    #[serde(default)]
    pub picklist_values: Vec<PicklistValue>,
    /// Whether other words are refused.
    #[serde(default)]
    pub restricted_picklist: bool,
    /// The compound field that it is part of.
    #[serde(default)]
    pub compound_field_name: Option<String>,
    /// Whether the org fills it when a create leaves it out.
    #[serde(default)]
    pub defaulted_on_create: bool,
    /// Whether values that differ only in case differ.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Whether it is stored encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// Whether text holds HTML.
    #[serde(default)]
    pub html_formatted: bool,
    /// Whether the referenced record takes this one along when it is deleted.
    #[serde(default)]
    pub cascade_delete: bool,
    /// Whether the referenced record cannot be deleted while this one is there.
    #[serde(default)]
    pub restricted_delete: bool,
    /// Whether it is on its way out and hidden.
    #[serde(default)]
    pub deprecated_and_hidden: bool,
}

impl FieldDescribe {
    /// Longest text that is kept in the record's own row. Source: field types, "Text area (long)".
    const MAX_SHORT_TEXT: u32 = 255;

    /// Tells whether this is long text: not filtered, not ordered, not grouped.
    pub fn is_long_text(&self) -> bool {
        self.field_type == FieldType::TextArea && self.length > Self::MAX_SHORT_TEXT
    }

    /// Tells whether a create must carry it.
    pub fn is_required_on_create(&self) -> bool {
        // A yes-or-no field is never empty and never required: left out it is `false`.
        self.createable
            && !self.nillable
            && !self.defaulted_on_create
            && self.field_type != FieldType::Boolean
    }

    /// Tells whether a reference may lead to more than one object.
    pub fn is_polymorphic(&self) -> bool {
        self.polymorphic_foreign_key || self.reference_to.len() > 1
    }
}

const fn yes() -> bool {
    true
}
