//! Randomness, as something handed in.

use crate::ids::CorrelationId;

/// Gives random bits.
pub trait Random: Send + Sync {
    /// Returns 128 random bits.
    fn bits(&self) -> u128;

    /// Makes a fresh correlation id.
    fn correlation_id(&self) -> CorrelationId;
}

/// The random source of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bits(&self) -> u128 {
        let mut bytes = [0_u8; 16];
        // Without a random source the bits only name things; a fixed name is better than a crash.
        let _ = getrandom::fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    fn correlation_id(&self) -> CorrelationId {
        CorrelationId::from_random(self.bits())
    }
}
