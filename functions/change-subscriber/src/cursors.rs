//! Sets the poller back, so that it reads what a stream lost.

use shared::ids::{ConnectionId, ObjectName};
use shared::ports::Ledger;
use shared::sync::Cursor;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tracing::info;

/// How often a cursor is written again because the poller moved it in between.
const MAX_TRIES: u32 = 8;

/// Sees to it that the poller reads what changed in `object` from `since` on.
///
/// A cursor that stands earlier, or is not there yet, will pass that instant anyway. One that is being
/// moved is written again: the poller notices, and begins anew from here.
///
/// # Errors
///
/// As the ledger answers.
pub(crate) async fn set_back(
    ledger: &dyn Ledger,
    connection: &ConnectionId,
    object: &ObjectName,
    since: Timestamp,
) -> Result<(), PortError> {
    let name = Cursor::ledger_name(connection, object);
    let since = since.max(Timestamp::EPOCH);
    let rejected = |source: serde_json::Error| {
        PortError::new(PortErrorKind::Rejected, "ledger", "put", name.clone()).with_source(source)
    };
    let value = serde_json::to_string(&Cursor::resting(since)).map_err(rejected)?;
    let mut n_tries = 0;
    loop {
        let Some(entry) = ledger.get(&name).await? else { return Ok(()) };
        // What is no cursor is written over: the poller could not use it.
        let cursor: Option<Cursor> = serde_json::from_str(&entry.value).ok();
        if cursor.is_some_and(|it| it.at <= since) {
            return Ok(());
        }
        match ledger.put(&name, &value, entry.revision).await {
            Ok(_) => {
                info!(connection = %connection, object = %object, since = %since,
                    "`{object}` is read again from {since} on");
                return Ok(());
            }
            Err(error) if error.kind() == PortErrorKind::Conflict && n_tries < MAX_TRIES => {
                n_tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::MemoryLedger;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOON.plus(std::time::Duration::from_secs(seconds))
    }

    async fn set(cursor: Option<&str>, since: Timestamp) -> Option<Cursor> {
        let ledger = MemoryLedger::default();
        let connection = ConnectionId::parse("main").unwrap();
        let object = ObjectName::parse("Case").unwrap();
        let name = Cursor::ledger_name(&connection, &object);
        if let Some(cursor) = cursor {
            ledger.put(&name, cursor, 0).await.unwrap();
        }
        set_back(&ledger, &connection, &object, since).await.unwrap();
        let entry = ledger.get(&name).await.unwrap()?;
        Some(serde_json::from_str(&entry.value).unwrap())
    }

    fn written(cursor: &Cursor) -> String {
        serde_json::to_string(cursor).unwrap()
    }

    #[tokio::test]
    async fn later_cursor_is_set_back_in_the_middle_of_a_window_too() {
        let resting = written(&Cursor::resting(at(60)));
        assert_eq!(set(Some(&resting), at(0)).await, Some(Cursor::resting(at(0))));
        let reading = Cursor { until: Some(at(90)), is_backfill: true, ..Cursor::resting(at(60)) };
        assert_eq!(set(Some(&written(&reading)), at(0)).await, Some(Cursor::resting(at(0))));
        assert_eq!(set(Some("{"), at(0)).await, Some(Cursor::resting(at(0))));
    }

    #[tokio::test]
    async fn earlier_cursor_and_a_missing_one_stay() {
        let earlier = Cursor::resting(at(0));
        assert_eq!(set(Some(&written(&earlier)), at(60)).await, Some(earlier));
        assert_eq!(set(None, at(60)).await, None);
    }

    #[tokio::test]
    async fn nothing_is_known_before_the_beginning() {
        let before = Timestamp::from_millis(-600_000);
        let later = written(&Cursor::resting(at(60)));
        assert_eq!(set(Some(&later), before).await, Some(Cursor::resting(Timestamp::EPOCH)));
    }
}
