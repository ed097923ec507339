//! Which stretch of time to read next.

use std::time::Duration;

use shared::ids::RecordId;
use shared::sync::Cursor;
use shared::time::Timestamp;

/// A stretch of versions to read, `[from, until)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The first version.
    pub(crate) from: Timestamp,
    /// Of the records with exactly that version, those up to this id are done.
    pub(crate) after_id: Option<RecordId>,
    /// The first version of the next window.
    pub(crate) until: Timestamp,
    /// It reads the whole object: what it finds changed long before anybody looked.
    pub(crate) is_backfill: bool,
}

impl Window {
    /// Returns the window to read now, when the newest version that may be read is before `end`.
    ///
    /// A window that was begun is finished first, from the last record that was queued. A new one
    /// begins `overlap` before the last one's end: a version is given when a statement runs, and
    /// its transaction may commit later than our last look. Source: Salesforce sync facts,
    /// "Time columns and delta windows".
    pub(crate) fn next(cursor: Option<&Cursor>, end: Timestamp, overlap: Duration) -> Option<Self> {
        let end = end.to_second();
        let window = match cursor {
            None => Self { is_backfill: true, ..Self::fresh(Timestamp::EPOCH, end) },
            Some(Cursor { at, after_id, until: Some(until), is_backfill }) => Self {
                after_id: after_id.clone(),
                is_backfill: *is_backfill,
                ..Self::fresh(*at, *until)
            },
            // A cursor ahead of the clock over there came from a clock that was wrong: go back.
            Some(Cursor { at, .. }) => {
                let from = (*at).min(end).minus(overlap).max(Timestamp::EPOCH);
                Self { is_backfill: *at == Timestamp::EPOCH, ..Self::fresh(from, end) }
            }
        };
        (window.from < window.until).then_some(window)
    }

    fn fresh(from: Timestamp, until: Timestamp) -> Self {
        Self { from, after_id: None, until, is_backfill: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_secs(300);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn resting(seconds: i64) -> Cursor {
        Cursor::resting(at(seconds))
    }

    fn fresh(from: i64, until: i64) -> Option<Window> {
        Some(Window::fresh(at(from), at(until)))
    }

    #[test]
    fn first_window_begins_at_the_beginning_and_so_does_one_after_a_reset() {
        let all = Window { is_backfill: true, ..Window::fresh(at(0), at(9000)) };
        assert_eq!(Window::next(None, at(9000), OVERLAP), Some(all.clone()));
        assert_eq!(Window::next(Some(&resting(0)), at(9000), OVERLAP), Some(all));
    }

    #[test]
    fn next_window_reads_the_overlap_again() {
        assert_eq!(Window::next(Some(&resting(9000)), at(9060), OVERLAP), fresh(8700, 9060));
    }

    #[test]
    fn second_that_is_not_over_yet_is_left_for_the_next_window() {
        let now = Timestamp::from_millis(9_060_999);
        assert_eq!(Window::next(Some(&resting(9000)), now, OVERLAP), fresh(8700, 9060));
    }

    #[test]
    fn window_that_was_begun_is_finished_as_it_was() {
        let last = RecordId::parse("500").unwrap();
        let cursor = Cursor {
            at: at(5000),
            after_id: Some(last.clone()),
            until: Some(at(9000)),
            is_backfill: true,
        };
        let wanted =
            Window { after_id: Some(last), is_backfill: true, ..Window::fresh(at(5000), at(9000)) };
        assert_eq!(Window::next(Some(&cursor), at(99_000), OVERLAP), Some(wanted));
    }

    #[test]
    fn cursor_ahead_of_the_clock_over_there_falls_back() {
        assert_eq!(Window::next(Some(&resting(99_000)), at(9000), OVERLAP), fresh(8700, 9000));
    }

    #[test]
    fn nothing_is_read_before_the_beginning() {
        assert_eq!(Window::next(None, at(0), OVERLAP), None);
        assert_eq!(Window::next(Some(&resting(10)), at(20), OVERLAP), fresh(0, 20));
    }
}
