//! End to end: a change at the source reaches the case store, the API and the command line.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod events;
#[cfg(test)]
#[path = "../support/firm.rs"]
mod firm;
#[cfg(test)]
mod identity;
#[cfg(test)]
#[path = "../support/identity_provider.rs"]
mod identity_provider;
#[cfg(test)]
mod import;
#[cfg(test)]
mod manifest;
#[cfg(test)]
#[path = "../support/moodbridge.rs"]
mod moodbridge;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod nifi;
#[cfg(test)]
#[path = "../support/nifi_peer.rs"]
mod nifi_peer;
#[cfg(test)]
mod pipelines;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod settings;
#[cfg(test)]
#[expect(dead_code, reason = "the adapter's own tests use the rest")]
#[path = "../../shared/adapters/snowflake/tests/peer/support.rs"]
mod snowflake;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod two_way;
#[cfg(test)]
mod warehouse;
