//! Where a page of cases begins, as opaque text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::ids::EntityId;
use shared::ports::CaseSort;
use shared::{PortError, PortErrorKind};

/// The last case of the page before: its order, its place in it, its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor(pub(super) CaseSort, pub(super) SortKey, pub(super) EntityId);

/// What a list is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum SortKey {
    /// An instant in milliseconds since 1970.
    Instant(i64),
    /// Text.
    Text(String),
}

impl Cursor {
    /// Writes the cursor as text that fits an address.
    pub(super) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(json)
    }

    /// Reads a cursor that a store made for `sort`.
    ///
    /// # Errors
    ///
    /// `Rejected` when it is no cursor, or one of another order.
    pub(super) fn decode(
        platform: &'static str,
        raw: &str,
        sort: CaseSort,
    ) -> Result<Self, PortError> {
        let foreign = || {
            PortError::new(
                PortErrorKind::Rejected,
                platform,
                "list cases behind cursor",
                "cursor of this list and order",
            )
        };
        let json = URL_SAFE_NO_PAD.decode(raw).map_err(|cause| foreign().with_source(cause))?;
        let cursor: Self =
            serde_json::from_slice(&json).map_err(|cause| foreign().with_source(cause))?;
        let wants_text = matches!(sort, CaseSort::DocketAsc | CaseSort::TitleAsc);
        let has_text = matches!(cursor.1, SortKey::Text(_));
        if cursor.0 == sort && wants_text == has_text { Ok(cursor) } else { Err(foreign()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(sort: CaseSort, key: SortKey) -> Cursor {
        let id = EntityId::parse("00000000-0000-8000-8000-000000000001").unwrap();
        Cursor(sort, key, id)
    }

    #[test]
    fn cursor_comes_back_as_it_was_written() {
        for (sort, key) in [
            (CaseSort::UpdatedDesc, SortKey::Instant(-5)),
            (CaseSort::TitleAsc, SortKey::Text("Doe v. \u{10ffff}\"".into())),
        ] {
            let cursor = cursor(sort, key);
            assert_eq!(Cursor::decode("test", &cursor.encode(), sort).unwrap(), cursor);
        }
    }

    #[test]
    fn foreign_cursors_are_rejected() {
        let of_titles = cursor(CaseSort::TitleAsc, SortKey::Text("a".into())).encode();
        let of_nothing = cursor(CaseSort::DocketAsc, SortKey::Instant(1)).encode();
        for (raw, sort) in [
            (of_titles.as_str(), CaseSort::DocketAsc),
            (of_nothing.as_str(), CaseSort::DocketAsc),
            ("", CaseSort::DocketAsc),
            ("%%%", CaseSort::UpdatedDesc),
            ("e30", CaseSort::UpdatedDesc),
        ] {
            let error = Cursor::decode("test", raw, sort).unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Rejected);
        }
    }
}
