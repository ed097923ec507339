//! What a step of set-up found or did.

use serde::Serialize;

/// What is done about a thing that is there, but not as it is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDifference {
    /// It stays; the answer says what differs.
    #[default]
    Report,
    /// It is made as it is wanted, where the org allows that.
    Replace,
}

/// What a step of set-up found or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Ensured {
    /// It was not there and is now.
    Created,
    /// It was there as it is wanted.
    AlreadyThere,
    /// It was there in another form and is now as it is wanted.
    Replaced,
    /// It is there in another form, and stays so.
    Differs {
        /// What differs.
        differences: Vec<Difference>,
    },
}

/// One setting that is not as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The setting, such as `length`.
    pub setting: &'static str,
    /// What it is in the org; `None` for what must not be shown, such as an address with a token.
    pub found: Option<String>,
}

impl Difference {
    pub(super) fn new(setting: &'static str, found: &dyn ToString) -> Self {
        Self { setting, found: Some(found.to_string()) }
    }

    pub(super) fn hidden(setting: &'static str) -> Self {
        Self { setting, found: None }
    }
}

impl Ensured {
    pub(super) fn of(differences: Vec<Difference>) -> Self {
        if differences.is_empty() { Self::AlreadyThere } else { Self::Differs { differences } }
    }
}
