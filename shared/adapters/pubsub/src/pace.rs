//! How long a stream is waited for, and how long to stay away when it ended.

use std::time::Duration;

use shared::ports::{Extent, Random};
use shared::worker::Backoff;
use tokio::time::Instant;

use crate::fault::Remedy;

/// The service sends a sign of life within 270 s; with nothing for so long the stream is dead.
/// Source: Pub/Sub API guide, "Subscribe RPC Method"; its clients wait five minutes.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// Waits after an end that nobody has to mend.
const SOON: Backoff = Backoff { first: Duration::from_millis(500), cap: Duration::from_mins(2) };

/// Waits while another process does the work: it may end.
const STAND_BY: Backoff = Backoff { first: Duration::from_secs(30), cap: Duration::from_mins(2) };

/// Waits while the day's allowance is used up, or somebody must change something.
const LATER: Backoff = Backoff { first: Duration::from_mins(5), cap: Duration::from_hours(1) };

/// What is waited for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing came: everything is there.
    Quiet,
    /// Nothing came, and something should have.
    Dead,
}

/// How long a stream is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    quiet: Option<Duration>,
    end: Option<Instant>,
}

impl Pace {
    pub(crate) fn of(extent: Extent) -> Self {
        match extent {
            Extent::Endless => Self { quiet: None, end: None },
            Extent::UntilQuiet { quiet, at_most } => {
                Self { quiet: Some(quiet), end: Some(Instant::now() + at_most) }
            }
        }
    }

    /// Waits for a sign of life instead of for silence: a place that is not renewed for days would
    /// be forgotten over there.
    pub(crate) fn until_a_sign_of_life(self) -> Self {
        Self { quiet: self.quiet.map(|it| it.max(LONGEST_SILENCE)), ..self }
    }

    /// Returns until when to wait for the next message, and what it means when none comes.
    /// `last` is when the last one came.
    pub(crate) fn next(&self, last: Instant) -> (Instant, Next) {
        let dead = last + LONGEST_SILENCE;
        let quiet = self.quiet.map(|it| last + it);
        match quiet.into_iter().chain(self.end).min() {
            Some(at) if at <= dead => (at, Next::Quiet),
            _ => (dead, Next::Dead),
        }
    }

    /// Tells whether the time is up, whatever still comes.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Tells whether there is time for a wait of `wait`.
    pub(crate) fn has_time_for(&self, wait: Duration) -> bool {
        self.end.is_none_or(|end| Instant::now() + wait < end)
    }
}

/// The waits between two streams: each longer than the last, until something comes again.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    last: Option<Duration>,
    n_logins: u32,
}

impl Waits {
    /// Forgets the waits: the stream works.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Returns the wait after a fault with this remedy.
    pub(crate) fn after(&mut self, remedy: Remedy, random: &dyn Random) -> Duration {
        let backoff = match remedy {
            // A token that ended is replaced at once; one that is refused again is not.
            Remedy::LogIn if self.n_logins == 0 => {
                self.n_logins = 1;
                return Duration::ZERO;
            }
            Remedy::Reopen | Remedy::LogIn | Remedy::StartOver => SOON,
            Remedy::StandBy => STAND_BY,
            Remedy::StayAway | Remedy::Tell => LATER,
        };
        let last = self.last.filter(|it| *it >= backoff.first);
        let wait = backoff.next(last, None, random);
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::SystemRandom;

    use super::*;

    const QUIET: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn endless_stream_is_dead_after_five_minutes_of_silence() {
        let (pace, now) = (Pace::of(Extent::Endless), Instant::now());
        assert_eq!(pace.next(now), (now + LONGEST_SILENCE, Next::Dead));
    }

    #[tokio::test(start_paused = true)]
    async fn bounded_stream_ends_when_it_is_quiet_or_its_time_is_up() {
        let now = Instant::now();
        let at_most = Duration::from_secs(50);
        let pace = Pace::of(Extent::UntilQuiet { quiet: QUIET, at_most });
        assert_eq!(pace.next(now), (now + QUIET, Next::Quiet));
        let late = now + Duration::from_secs(40);
        assert_eq!(pace.next(late), (now + at_most, Next::Quiet));
        assert_eq!(pace.until_a_sign_of_life().next(now), (now + at_most, Next::Quiet));
        assert!(pace.has_time_for(Duration::from_secs(49)));
        assert!(!pace.has_time_for(at_most));
    }

    #[test]
    fn waits_grow_and_a_token_is_replaced_at_once_but_not_again_and_again() {
        let mut waits = Waits::default();
        assert_eq!(waits.after(Remedy::LogIn, &SystemRandom), Duration::ZERO);
        assert!(waits.after(Remedy::LogIn, &SystemRandom) >= SOON.first);
        for _ in 0..50 {
            let wait = waits.after(Remedy::StayAway, &SystemRandom);
            assert!(wait >= LATER.first && wait <= LATER.cap, "{wait:?}");
        }
        waits.reset();
        for _ in 0..50 {
            let wait = waits.after(Remedy::Reopen, &SystemRandom);
            assert!(wait >= SOON.first && wait <= SOON.cap, "{wait:?}");
        }
    }
}
