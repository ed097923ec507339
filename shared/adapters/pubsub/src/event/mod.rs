//! From an event of the stream to changes in our words.

mod bitmap;
mod body;
mod header;
mod read;

pub(crate) use read::{Context, EventFault, ReadEvent, read};
