//! Stops a run that would delete too much.

use std::time::Duration;

use crate::error::{PortError, PortErrorKind};
use crate::ids::{ConnectionId, ObjectName};
use crate::ports::Ledger;
use crate::time::Timestamp;

/// When too much would be deleted at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeleteGuard {
    /// Up to this many records are never too many.
    pub min_records: u64,
    /// The largest share of an object's records, from 0 to 1.
    pub max_share: f64,
}

impl Default for DeleteGuard {
    fn default() -> Self {
        Self { min_records: 100, max_share: 0.05 }
    }
}

/// What the guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardVerdict {
    /// It is not too much.
    Go,
    /// It is.
    Stop {
        /// Why, and the way out.
        reason: String,
    },
}

/// For how long deletions go through once somebody has looked at them.
const LET_THROUGH_FOR: Duration = Duration::from_hours(1);

impl DeleteGuard {
    /// Judges the deletion of `n_deletes` of `n_records` records.
    #[expect(clippy::cast_precision_loss, reason = "a share is a float")]
    pub fn judge(&self, n_deletes: u64, n_records: u64) -> GuardVerdict {
        let share = n_deletes as f64 / n_records.max(1) as f64;
        if n_deletes <= self.min_records || share <= self.max_share {
            return GuardVerdict::Go;
        }
        let (percent, limit) = (share * 100.0, self.max_share * 100.0);
        GuardVerdict::Stop {
            reason: format!(
                "{n_deletes} of {n_records} records ({percent:.0} %) would be deleted, more than \
                 {limit:.0} %: look at them, then let them through with `moodbridge sync \
                 allow-deletes`"
            ),
        }
    }

    /// Returns where it is written that deletions were let through.
    fn ledger_name(connection: &ConnectionId, object: &ObjectName) -> String {
        format!("deletes-allowed/{connection}/{object}")
    }

    /// Lets deletions of `object` through for an hour.
    ///
    /// # Errors
    ///
    /// As the ledger answers.
    pub async fn let_through(
        ledger: &dyn Ledger,
        connection: &ConnectionId,
        object: &ObjectName,
        now: Timestamp,
    ) -> Result<Timestamp, PortError> {
        let name = Self::ledger_name(connection, object);
        let until = now.plus(LET_THROUGH_FOR);
        let revision = ledger.get(&name).await?.map_or(0, |it| it.revision);
        ledger.put(&name, &until.to_string(), revision).await?;
        Ok(until)
    }

    /// Tells whether deletions of `object` are let through now.
    ///
    /// # Errors
    ///
    /// As the ledger answers.
    pub async fn is_let_through(
        ledger: &dyn Ledger,
        connection: &ConnectionId,
        object: &ObjectName,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        let name = Self::ledger_name(connection, object);
        let Some(entry) = ledger.get(&name).await? else { return Ok(false) };
        let until = Timestamp::parse(&entry.value).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "ledger", "get", name).with_source(error)
        })?;
        Ok(now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryLedger;

    #[test]
    fn few_deletions_and_small_shares_go_through() {
        let guard = DeleteGuard::default();
        assert_eq!(guard.judge(100, 100), GuardVerdict::Go);
        assert_eq!(guard.judge(500, 10_000), GuardVerdict::Go);
        let GuardVerdict::Stop { reason } = guard.judge(501, 10_000) else { panic!() };
        assert!(reason.contains("501 of 10000") && reason.contains("allow-deletes"), "{reason}");
    }

    #[tokio::test]
    async fn deletions_are_let_through_for_an_hour() {
        let ledger = MemoryLedger::default();
        let connection = ConnectionId::parse("main").unwrap();
        let object = ObjectName::parse("Case").unwrap();
        let now = Timestamp::from_millis(1_800_000_000_000);
        let ask = |at| DeleteGuard::is_let_through(&ledger, &connection, &object, at);
        assert!(!ask(now).await.unwrap());

        DeleteGuard::let_through(&ledger, &connection, &object, now).await.unwrap();

        assert!(ask(now).await.unwrap());
        assert!(!ask(now.plus(Duration::from_hours(1))).await.unwrap());
    }
}
