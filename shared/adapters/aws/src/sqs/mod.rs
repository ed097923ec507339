//! Queues on SQS.
//!
//! A standard queue has no groups; one whose name ends in `.fifo` has them, and knows no delay of a
//! single message. Which queue is behind it for dead letters, and after how many hand-outs, stands in
//! the queue's redrive policy and is read from there once.
//!
//! A body that is too long for a message is put into a blob store, where the queue is given one.

mod address;
pub(crate) mod attributes;
mod dead;
mod dedupe;
mod large;
mod moving;
mod queue;
mod receive;
mod redrive;
mod send;
mod settle;

pub use address::QueueAddress;
pub use queue::SqsQueue;
pub(crate) use send::short;
