//! What can be seen of a running `moodbridge`: traces in a collector, alerts in a Prometheus, and
//! that every metric a rule or a dashboard names is there.

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod collector;
#[cfg(test)]
mod documents;
#[cfg(test)]
#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "../support/firm.rs"]
mod firm;
#[cfg(test)]
mod metrics;
#[cfg(test)]
#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "../support/moodbridge.rs"]
mod moodbridge;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod traces;
