//! Messages on their way between the tables and the port.

use shared::ports::Delivery;
use shared::time::Timestamp;

/// A message as `receive` returns it.
#[derive(sqlx::FromRow)]
pub(super) struct TakenRow {
    pub(super) id: Option<i64>,
    body: Option<String>,
    group_key: Option<String>,
    n_attempts: Option<i32>,
    sent_at: Option<i64>,
    trace_parent: Option<String>,
    receipt: Option<i64>,
    pub(super) due_in: Option<i64>,
}

impl TakenRow {
    pub(super) fn delivery(self) -> Option<Delivery> {
        Some(Delivery {
            id: self.id?.to_string(),
            body: self.body?,
            group: self.group_key,
            attempt: u32::try_from(self.n_attempts?).unwrap_or(0),
            sent_at: Timestamp::from_millis(self.sent_at?),
            trace_parent: self.trace_parent,
            receipt: self.receipt?.to_string(),
        })
    }
}

/// A message in a receiver's hands, as far as the receiver knows.
pub(super) struct Held<'a> {
    pub(super) id: i64,
    pub(super) receipt: i64,
    pub(super) group: Option<&'a str>,
}

impl<'a> Held<'a> {
    /// Reads a delivery, or nothing when this queue cannot have handed it out.
    pub(super) fn parse(delivery: &'a Delivery) -> Option<Self> {
        let id = delivery.id.parse().ok()?;
        let receipt = delivery.receipt.parse().ok()?;
        Some(Self { id, receipt, group: delivery.group.as_deref() })
    }
}
