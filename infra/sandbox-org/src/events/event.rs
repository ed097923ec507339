//! One change event, free of any protocol.

use std::sync::Arc;

use crate::ids::RecordId;
use crate::org::Value;
use crate::schema::ObjectType;

/// What happened to the records. Source: Change Data Capture guide, `changeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// New rows.
    Create,
    /// Changed rows.
    Update,
    /// Rows that went into the recycle bin.
    Delete,
    /// Rows that came out of it.
    Undelete,
    /// A create whose values the bus does not tell.
    GapCreate,
    /// An update whose values the bus does not tell.
    GapUpdate,
    /// A delete that was not told as one.
    GapDelete,
    /// An undelete whose values the bus does not tell.
    GapUndelete,
    /// Too many changes in one transaction: which rows changed is not told either.
    GapOverflow,
}

impl ChangeKind {
    /// Finds the kind that the header calls so.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            Self::Create,
            Self::Update,
            Self::Delete,
            Self::Undelete,
            Self::GapCreate,
            Self::GapUpdate,
            Self::GapDelete,
            Self::GapUndelete,
            Self::GapOverflow,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// Tells whether events of this kind tell no values.
    #[must_use]
    pub(crate) fn is_gap(self) -> bool {
        self.gap() == self
    }

    /// Returns the `changeType` of the header.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Undelete => "UNDELETE",
            Self::GapCreate => "GAP_CREATE",
            Self::GapUpdate => "GAP_UPDATE",
            Self::GapDelete => "GAP_DELETE",
            Self::GapUndelete => "GAP_UNDELETE",
            Self::GapOverflow => "GAP_OVERFLOW",
        }
    }

    /// Returns the gap event that stands for this change when its values are not told.
    #[must_use]
    pub(crate) fn gap(self) -> Self {
        match self {
            Self::Create => Self::GapCreate,
            Self::Update => Self::GapUpdate,
            Self::Delete => Self::GapDelete,
            Self::Undelete => Self::GapUndelete,
            gap => gap,
        }
    }
}

/// Which rows an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// These, all changed alike.
    Some(Vec<RecordId>),
    /// All rows whose id has this prefix: a type conversion lost values.
    All([u8; 3]),
    /// Rows that are not told: the "empty id" of an overflow.
    Untold,
}

impl Records {
    /// Returns the `recordIds` of the header.
    #[must_use]
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Some(ids) => ids.iter().map(ToString::to_string).collect(),
            Self::All(prefix) => vec![format!("{}*", String::from_utf8_lossy(prefix))],
            Self::Untold => vec!["000000000000000AAA".to_owned()],
        }
    }
}

/// The transaction that an event belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    /// `transactionKey`, a UUID.
    pub(crate) key: String,
    /// `commitNumber`, above 2^53.
    pub(crate) number: i64,
    /// `commitTimestamp`, in milliseconds: when it became visible.
    pub(crate) at_ms: i64,
    /// `commitUser`.
    pub(crate) user: RecordId,
    /// `changeOrigin`; empty for changes made inside the org.
    pub(crate) origin: String,
}

impl Transaction {
    /// Returns the key of the transaction with this commit number.
    #[must_use]
    pub(super) fn key_of(number: i64) -> String {
        uuid(number.unsigned_abs())
    }
}

/// The value of a field after the change; null when the change emptied it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldChange {
    /// Place of the field in the event's object.
    pub(crate) place: usize,
    /// Its value.
    pub(crate) value: Value,
}

/// One event of the log.
#[derive(Clone, Debug)]
pub(crate) struct ChangeEvent {
    /// Position in the log: grows from event to event, with holes.
    pub(crate) replay_id: u64,
    /// The object as it was at the commit, so that an event keeps its schema when fields come and go.
    pub(crate) object: Arc<ObjectType>,
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// To which rows.
    pub(crate) records: Records,
    /// In which transaction.
    pub(crate) transaction: Arc<Transaction>,
    /// `sequenceNumber`, from 1 inside the transaction.
    pub(crate) sequence: u32,
    /// Fields of an update that changed, those of a new row that are not empty; none for deletes and gaps.
    pub(crate) fields: Vec<FieldChange>,
}

impl ChangeEvent {
    /// Returns the `EventUuid`, the same each time the event is read.
    #[must_use]
    pub(crate) fn uuid(&self) -> String {
        uuid(self.replay_id)
    }
}

/// Writes a number as a UUID that looks like one.
fn uuid(number: u64) -> String {
    let low = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        number >> 32,
        (number >> 16) & 0xffff,
        number & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
