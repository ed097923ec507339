//! Tests of reading settings into senders.
