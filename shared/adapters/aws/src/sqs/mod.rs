//! Queues on SQS.
//!
//! A standard queue has no groups; one whose name ends in `.fifo` has them, and knows no delay of a
//! single message. Which queue is behind it for dead letters, and after how many hand-outs, stands in
//! the queue's redrive policy and is read from there once.

mod address;
pub(crate) mod attributes;
mod dead;
mod dedupe;
mod moving;
mod queue;
mod receive;
mod redrive;
mod send;
mod settle;

pub use address::QueueAddress;
pub use queue::SqsQueue;
pub(crate) use send::short;
