//! The Pub/Sub API of Salesforce: change events over gRPC, none lost, none twice.

mod avro;
mod event;
#[rustfmt::skip]
#[expect(dead_code, unreachable_pub, reason = "written by machine, for both ends")]
mod messages;
#[cfg(test)]
mod testing;
