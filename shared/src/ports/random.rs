//! Randomness, as something handed in.

use zeroize::Zeroizing;

use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::secret::Secret;

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

impl SystemRandom {
    /// Makes a secret of 256 random bits, as 64 hex digits.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the system has no random source: a secret must never be guessable.
    pub fn secret(self) -> Result<Secret, PortError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        self.fill(&mut *bytes)?;
        Ok(Secret::new(bytes.map(|byte| format!("{byte:02x}")).concat()))
    }

    /// Fills `bytes` with random bits, for a key.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the system has no random source: a key must never be guessable.
    pub fn fill(self, bytes: &mut [u8]) -> Result<(), PortError> {
        getrandom::fill(bytes).map_err(|error| {
            PortError::new(PortErrorKind::Unavailable, "local", "make", "secret").with_source(error)
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, other) = (SystemRandom.secret().unwrap(), SystemRandom.secret().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one.expose(), other.expose());
    }
}
