//! When a pipeline runs by itself, as it is written.

use crate::config::parse_duration;
use crate::etl::fault::Faults;
use crate::etl::yaml::{At, Content};
use crate::schedule::{DayOfWeek, Schedule};

/// Reads a schedule: `"06:00"`, `{every: 15m}`, or `{at: "06:00", days: [mon, fri]}`.
pub(super) fn schedule(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Schedule> {
    match at.node.content {
        Content::Scalar(_) => daily(at, faults),
        Content::Map(_) => of_parts(at, faults),
        Content::Null | Content::List(_) => {
            at.fault(faults, "write `\"06:00\"`, `{every: 15m}` or `{at: \"06:00\", days: [mon]}`");
            None
        }
    }
}

fn daily(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Schedule> {
    let raw = at.text(faults)?;
    if parse_duration(&raw).is_ok() {
        at.fault(faults, format!("is no time of the day: write `{{every: {raw}}}`"));
        return None;
    }
    at.time_of_day(faults).map(Schedule::daily)
}

fn of_parts(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Schedule> {
    at.keys(&["at", "every", "days"], faults);
    let schedule = match (at.get("at"), at.get("every")) {
        (Some(time), None) => time.time_of_day(faults).map(Schedule::daily),
        (None, Some(distance)) => every(&distance, faults),
        (Some(_), Some(every)) => {
            every.fault(faults, "stands beside `at`: keep one of the two");
            None
        }
        (None, None) => {
            at.fault(faults, "says no time: write `at: \"06:00\"` or `every: 15m`");
            None
        }
    };
    let words = DayOfWeek::ALL.map(|it| (it.as_str(), it));
    match at.get("days") {
        // Both are read, so that faults of either are told.
        Some(days) => days.words(&words, faults).zip(schedule).map(|(days, it)| it.on(days)),
        None => schedule,
    }
}

fn every(at: &At<'_>, faults: &mut Faults<'_>) -> Option<Schedule> {
    let distance = parse_duration(&at.text(faults)?).map_err(|error| error.to_string());
    let schedule = distance.and_then(|it| Schedule::every(it).map_err(|error| error.to_string()));
    schedule.map_err(|text| at.fault(faults, text)).ok()
}
