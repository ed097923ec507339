//! Text that must not reach a log.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A secret value: hidden by `Debug`, wiped from memory with its last clone.
///
/// It cannot be printed:
///
/// ```compile_fail,E0277
/// println!("{}", shared::secret::Secret::new("hunter2"));
/// ```
///
/// nor written into a document:
///
/// ```compile_fail,E0277
/// serde_json::to_string(&shared::secret::Secret::new("hunter2"));
/// ```
///
/// nor compared by accident, which would tell by its time how much was right:
///
/// ```compile_fail,E0369
/// let _ = shared::secret::Secret::new("a") == shared::secret::Secret::new("b");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Wraps `value`, which is moved and not copied when it is a `String`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(value.into())))
    }

    /// Returns the value, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the secret without white space around it.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        match self.expose().trim() {
            all if all.len() == self.0.len() => self.clone(),
            inner => Self::new(inner),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(hidden)");
    }

    #[test]
    fn clones_share_one_value_in_memory() {
        let secret = Secret::new("hunter2");
        let clone = secret.clone();
        assert_eq!(secret.expose().as_ptr(), clone.expose().as_ptr());
        assert_eq!(Secret::new(" hunter2\n").trimmed().expose(), "hunter2");
    }

    #[test]
    fn secret_is_wiped_when_dropped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
        is_wiped::<Zeroizing<String>>();
    }
}
