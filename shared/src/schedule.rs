//! When something is due by itself: at a time of the day, or every so often. All of it in UTC, so that
//! the clock alone tells what is due.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::config::Span;
use crate::time::Timestamp;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// The shortest time between two instants. Clocks look every few minutes, and each look that finds
/// something is a run.
const SHORTEST_MS: i64 = 15 * MINUTE_MS;

/// A time of the day in UTC, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads a time such as `06:00`; `None` when it is none.
    pub fn parse(raw: &str) -> Option<Self> {
        let (hour, minute) = raw.split_once(':')?;
        let part = |it: &str| -> Option<u16> {
            let is_two_digits = it.len() == 2 && it.bytes().all(|b| b.is_ascii_digit());
            if is_two_digits { it.parse().ok() } else { None }
        };
        let (hour, minute) = (part(hour)?, part(minute)?);
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }

    /// Returns it in milliseconds since midnight.
    pub fn as_millis(self) -> i64 {
        i64::from(self.0) * MINUTE_MS
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A day of the week in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayOfWeek {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl DayOfWeek {
    /// Every day, from Monday.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Returns the word for it in definitions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// Returns the word for it in sentences.
    const fn name(self) -> &'static str {
        match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        }
    }

    /// Returns which day of the week `day` is, counted since 1970, which began on a Thursday.
    fn of(day: i64) -> Self {
        let idx = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
        Self::ALL.get(idx).copied().unwrap_or(Self::Monday)
    }
}

/// When something is due on a day, in milliseconds since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rhythm {
    At(TimeOfDay),
    Every(i64),
}

impl Rhythm {
    /// Returns the last instant of a day that is at or before `within`.
    fn last(self, within: i64) -> Option<i64> {
        match self {
            Self::At(time) => Some(time.as_millis()).filter(|it| *it <= within),
            Self::Every(every) => Some(within - within % every),
        }
    }

    /// Returns the first instant of a day that is after `within`.
    fn next(self, within: i64) -> Option<i64> {
        let next = match self {
            Self::At(time) => time.as_millis(),
            Self::Every(every) => (within.div_euclid(every) + 1) * every,
        };
        (within < next && next < DAY_MS).then_some(next)
    }
}

/// When something is due by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    rhythm: Rhythm,
    /// Never empty.
    days: BTreeSet<DayOfWeek>,
}

/// A time that is no distance between two instants of a schedule.
#[derive(Debug, thiserror::Error)]
#[error("`{}` does not part a day evenly into 15 minutes or more: write such as `15m`, `30m`, `1h`, `2h` or `6h`", Span(*.0))]
pub struct InvalidRhythm(Duration);

impl Schedule {
    /// Each day at `time`.
    pub fn daily(time: TimeOfDay) -> Self {
        Self { rhythm: Rhythm::At(time), days: BTreeSet::from(DayOfWeek::ALL) }
    }

    /// Each `distance`, counted from midnight: at least 15 minutes, and a whole number of times in a day.
    ///
    /// # Errors
    ///
    /// [`InvalidRhythm`] when it is something else.
    pub fn every(distance: Duration) -> Result<Self, InvalidRhythm> {
        let every = i64::try_from(distance.as_millis()).unwrap_or(i64::MAX);
        if every < SHORTEST_MS || DAY_MS % every != 0 {
            return Err(InvalidRhythm(distance));
        }
        // Once in a day is a time of it, and is said so.
        if every == DAY_MS {
            return Ok(Self::daily(TimeOfDay(0)));
        }
        Ok(Self { rhythm: Rhythm::Every(every), days: BTreeSet::from(DayOfWeek::ALL) })
    }

    /// On `days` alone; without any it stays as it is.
    #[must_use]
    pub fn on(mut self, days: impl IntoIterator<Item = DayOfWeek>) -> Self {
        let days: BTreeSet<_> = days.into_iter().collect();
        if !days.is_empty() {
            self.days = days;
        }
        self
    }

    /// Returns the newest instant at or before `now` at which something was due.
    pub fn last_due(&self, now: Timestamp) -> Timestamp {
        let (mut day, mut within) = parts(now);
        loop {
            match self.rhythm.last(within) {
                Some(found) if self.is_on(day) => return at(day, found),
                _ => (day, within) = (day - 1, DAY_MS - 1),
            }
        }
    }

    /// Returns the first instant after `now` at which something is due.
    pub fn next_due(&self, now: Timestamp) -> Timestamp {
        let (mut day, mut within) = parts(now);
        loop {
            match self.rhythm.next(within) {
                Some(found) if self.is_on(day) => return at(day, found),
                _ => (day, within) = (day + 1, -1),
            }
        }
    }

    fn is_on(&self, day: i64) -> bool {
        self.days.contains(&DayOfWeek::of(day))
    }
}

fn parts(now: Timestamp) -> (i64, i64) {
    (now.as_millis().div_euclid(DAY_MS), now.as_millis().rem_euclid(DAY_MS))
}

fn at(day: i64, within: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY_MS).saturating_add(within))
}

impl fmt::Display for Schedule {
    /// Says it to people: `each day at 06:00 UTC`, `every 15 minutes`, `every hour on Monday and Friday`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.days.iter().map(|it| it.name()).collect();
        let days = match names.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            only => only.concat(),
        };
        let is_each_day = self.days.len() == DayOfWeek::ALL.len();
        match self.rhythm {
            Rhythm::At(time) if is_each_day => return write!(f, "each day at {time} UTC"),
            Rhythm::At(time) => return write!(f, "each {days} at {time} UTC"),
            Rhythm::Every(every) => {
                let minutes = every / MINUTE_MS;
                match (minutes % 60, minutes / 60) {
                    (0, 1) => f.write_str("every hour")?,
                    (0, hours) => write!(f, "every {hours} hours")?,
                    _ => write!(f, "every {minutes} minutes")?,
                }
            }
        }
        if is_each_day { Ok(()) } else { write!(f, " on {days} UTC") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(raw: &str) -> Timestamp {
        Timestamp::parse(raw).unwrap()
    }

    fn daily(raw: &str) -> Schedule {
        Schedule::daily(TimeOfDay::parse(raw).unwrap())
    }

    fn minutes(n: u64) -> Schedule {
        Schedule::every(Duration::from_mins(n)).unwrap()
    }

    #[test]
    fn time_of_day_is_read_back() {
        for raw in ["00:00", "06:05", "23:59"] {
            assert_eq!(TimeOfDay::parse(raw).unwrap().to_string(), raw);
        }
        for raw in ["", "6:00", "24:00", "06:60", "06:00:00", "+6:00", "0600"] {
            assert_eq!(TimeOfDay::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn due_instants_stand_on_both_sides_of_now() {
        use DayOfWeek::{Friday, Monday};
        // 2026-12-01 is a Tuesday.
        for (schedule, now, last, next) in [
            (daily("06:00"), "2026-12-01T05:59:59.999Z", "2026-11-30T06:00", "2026-12-01T06:00"),
            (daily("06:00"), "2026-12-01T06:00:00Z", "2026-12-01T06:00", "2026-12-02T06:00"),
            (daily("00:00"), "2026-12-01T00:00:00Z", "2026-12-01T00:00", "2026-12-02T00:00"),
            (minutes(15), "2026-12-01T06:14:59Z", "2026-12-01T06:00", "2026-12-01T06:15"),
            (minutes(15), "2026-12-01T23:59:59Z", "2026-12-01T23:45", "2026-12-02T00:00"),
            (minutes(1440), "2026-12-01T12:00:00Z", "2026-12-01T00:00", "2026-12-02T00:00"),
            (
                daily("06:00").on([Monday, Friday]),
                "2026-12-01T12:00:00Z",
                "2026-11-30T06:00",
                "2026-12-04T06:00",
            ),
            (
                daily("06:00").on([Monday]),
                "2026-11-30T05:00:00Z",
                "2026-11-23T06:00",
                "2026-11-30T06:00",
            ),
            (
                minutes(360).on([Monday]),
                "2026-12-01T12:00:00Z",
                "2026-11-30T18:00",
                "2026-12-07T00:00",
            ),
        ] {
            let now = time(now);
            let found = (schedule.last_due(now), schedule.next_due(now));
            let wanted = (time(&format!("{last}:00Z")), time(&format!("{next}:00Z")));
            assert_eq!(found, wanted, "{schedule} at {now}");
        }
    }

    #[test]
    fn schedule_is_said_to_people() {
        use DayOfWeek::{Friday, Monday, Wednesday};
        for (schedule, text) in [
            (daily("06:00"), "each day at 06:00 UTC"),
            (daily("06:00").on([Friday, Monday]), "each Monday and Friday at 06:00 UTC"),
            (daily("06:00").on(DayOfWeek::ALL), "each day at 06:00 UTC"),
            (minutes(15), "every 15 minutes"),
            (minutes(90), "every 90 minutes"),
            (minutes(60), "every hour"),
            (minutes(1440), "each day at 00:00 UTC"),
            (
                minutes(120).on([Monday, Wednesday, Friday]),
                "every 2 hours on Monday, Wednesday and Friday UTC",
            ),
            (minutes(30).on([Monday]), "every 30 minutes on Monday UTC"),
        ] {
            assert_eq!(schedule.to_string(), text);
        }
    }

    #[test]
    fn distance_that_does_not_part_a_day_is_refused() {
        for minutes in [0, 1, 14, 25, 50, 7 * 60, 25 * 60] {
            let refused = Schedule::every(Duration::from_mins(minutes)).unwrap_err();
            assert!(refused.to_string().contains("write such as `15m`"), "{refused}");
        }
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let rhythm = prop_oneof![
            (0_u16..1440).prop_map(|it| Schedule::daily(TimeOfDay(it))),
            prop::sample::select(vec![15, 16, 20, 30, 60, 90, 180, 720, 1440]).prop_map(minutes),
        ];
        let days = prop::collection::vec(prop::sample::select(&DayOfWeek::ALL[..]), 0..4);
        (rhythm, days).prop_map(|(schedule, days)| schedule.on(days))
    }

    proptest! {
        #[test]
        fn nothing_is_due_between_the_last_and_the_next(
            schedule in any_schedule(),
            now in 0_i64..4_000_000_000_000,
        ) {
            let now = Timestamp::from_millis(now);
            let (last, next) = (schedule.last_due(now), schedule.next_due(now));
            prop_assert!(last <= now && now < next);
            // From either side the other is seen: there is none between.
            prop_assert_eq!(schedule.next_due(last), next);
            prop_assert_eq!(schedule.last_due(next.minus(Duration::from_millis(1))), last);
            prop_assert_eq!(schedule.last_due(next), next);
        }
    }
}
