//! Files of an existing MoodBridge, and what comes of them.

mod large;
mod odd;
mod original;
mod properties;
mod twice;
