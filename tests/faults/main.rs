//! What must hold whatever breaks.

#[cfg(test)]
#[path = "../support/moodbridge.rs"]
mod moodbridge;
#[cfg(test)]
mod zero_loss;
