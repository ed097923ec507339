//! Settings and secrets, as the finished command takes and refuses them.

#[cfg(test)]
#[path = "../support/moodbridge.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod moodbridge;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sources;
