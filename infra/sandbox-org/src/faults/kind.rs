//! What can go wrong.

use serde::{Deserialize, Serialize};

/// What goes wrong with a request, a delivery or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// The answer takes long.
    Latency,
    /// A status and a body that the order names.
    Answer,
    /// The page of an edge that is overloaded, with status 503.
    #[serde(rename = "html_503")]
    Html503,
    /// A page in place of the answer, with status 200.
    #[serde(rename = "html_200")]
    Html200,
    /// Nothing in place of the answer, with status 200.
    #[serde(rename = "empty_200")]
    Empty200,
    /// Nothing, with the platform's own status 420.
    #[serde(rename = "empty_420")]
    Empty420,
    /// Nothing, with status 406.
    #[serde(rename = "empty_406")]
    Empty406,
    /// The page of an edge that finds the address too long.
    #[serde(rename = "html_414")]
    Html414,
    /// The connection is reset before the request is looked at.
    Reset,
    /// The connection is reset in the middle of the answer.
    ResetMidBody,
    /// The answer ends too early, and properly as far as HTTP can tell.
    EarlyEnd,
    /// The packed answer ends too early.
    TruncatedGzip,
    /// The request is done, and the connection is cut before the answer.
    LoseAnswer,
    /// Some records of the request are found locked.
    LockRows,
    /// The requests of the day are used up.
    RequestLimit,
    /// The token is no longer good.
    InvalidSession,
    /// What is written is committed late, with the stamp of when the request came.
    LateCommit,
    /// The server that answers has a clock that is wrong.
    ClockSkew,
    /// The schema changes before the request is answered.
    SchemaChange,
    /// Any of those that fit the request.
    Any,
    /// A delivery is not made.
    DropDelivery,
    /// A delivery is made twice.
    RepeatDelivery,
    /// A delivery is made after the one behind it.
    SwapDeliveries,
    /// The bus loses an event.
    DropEvent,
    /// The bus tells of a change without its values.
    GapEvent,
}

/// What goes wrong with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryFault {
    /// It is not made.
    Drop,
    /// It is made twice.
    Repeat,
    /// It is made after the one behind it.
    Swap,
}

/// What goes wrong with an event on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BusFault {
    /// It is lost.
    Drop,
    /// Its values are not told.
    Gap,
}

impl FaultKind {
    /// Returns what it does to deliveries.
    #[must_use]
    pub(super) fn of_delivery(self) -> Option<DeliveryFault> {
        match self {
            Self::DropDelivery => Some(DeliveryFault::Drop),
            Self::RepeatDelivery => Some(DeliveryFault::Repeat),
            Self::SwapDeliveries => Some(DeliveryFault::Swap),
            _ => None,
        }
    }

    /// Returns what it does to events on the bus.
    #[must_use]
    pub(super) fn of_bus(self) -> Option<BusFault> {
        match self {
            Self::DropEvent => Some(BusFault::Drop),
            Self::GapEvent => Some(BusFault::Gap),
            _ => None,
        }
    }

    /// Tells whether it is about requests.
    #[must_use]
    pub(super) fn is_of_request(self) -> bool {
        self.of_delivery().is_none() && self.of_bus().is_none()
    }
}
