//! Faults that were ordered: requests, answers, deliveries and events go wrong.
//!
//! Everything below HTTP happens in [`play`], in front of all routes, so it holds for every API of the org.

mod book;
mod cut;
mod kind;
mod order;
mod play;
mod wire;

pub(crate) use book::Faults;
pub(crate) use kind::{BusFault, DeliveryFault};
pub(crate) use order::Order;
pub(crate) use play::{Ordered, play, shorten};
pub(crate) use wire::{WireListener, WireStream};

#[cfg(test)]
mod tests;
