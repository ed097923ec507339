//! The kinds of row that the case store keeps in step with a remote system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of row of the case store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// A firm, court or other organisation.
    Account,
    /// A person.
    Contact,
    /// A matter.
    Case,
}

impl Entity {
    /// Every kind, parents before children.
    pub const ALL: [Self; 3] = [Self::Account, Self::Contact, Self::Case];

    /// Returns the name used in addresses, tables and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
            Self::Case => "case",
        }
    }

    /// Returns the columns that sync may write, by name. Every one may be `Null`.
    ///
    /// Instants are text in RFC 3339; `account_id` and `contact_id` are ids of our own rows.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Account => &[
                "name",
                "kind",
                "industry",
                "phone",
                "website",
                "billing_street",
                "billing_city",
                "billing_state",
                "billing_postal_code",
                "billing_country",
                "description",
            ],
            Self::Contact => &[
                "account_id",
                "salutation",
                "first_name",
                "last_name",
                "email",
                "phone",
                "mobile_phone",
                "title",
                "department",
                "mailing_street",
                "mailing_city",
                "mailing_state",
                "mailing_postal_code",
                "mailing_country",
            ],
            Self::Case => &[
                "account_id",
                "contact_id",
                "case_number",
                "docket_number",
                "title",
                "court",
                "status",
                "priority",
                "practice_area",
                "origin",
                "reason",
                "description",
                "is_closed",
                "opened_at",
                "closed_at",
            ],
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Entity {
    type Err = InvalidEntity;

    fn from_str(raw: &str) -> Result<Self, InvalidEntity> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == raw)
            .ok_or_else(|| InvalidEntity { raw: raw.to_owned() })
    }
}

/// Text that names no kind of row.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not an entity: write `account`, `contact` or `case`")]
pub struct InvalidEntity {
    raw: String,
}
