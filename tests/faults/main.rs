//! What must hold whatever breaks.

#[cfg(test)]
mod full_disk;
#[cfg(test)]
#[path = "../support/moodbridge.rs"]
mod moodbridge;
#[cfg(test)]
#[path = "../support/place.rs"]
mod place;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod two_processes;
#[cfg(test)]
mod two_way;
#[cfg(test)]
mod zero_loss;
