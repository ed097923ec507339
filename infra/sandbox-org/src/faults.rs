//! Faults that were ordered: the next requests on a path go wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault that was ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// Beginning of the paths it is for.
    #[serde(default)]
    pub(crate) path: String,
    /// How many requests it is still for.
    #[serde(default = "once")]
    pub(crate) n: u32,
    /// Status to answer with; the request is answered as usual when absent.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Body to answer with.
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// How long the answer takes, in milliseconds.
    #[serde(default)]
    pub(crate) latency_ms: u64,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Returns how long the answer takes.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms)
    }
}

/// The faults that were ordered.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Orders a fault.
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Calls all faults off.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the fault for a request, if there is one.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let idx = faults.iter().position(|fault| path.starts_with(&fault.path))?;
        let fault = faults.get_mut(idx)?;
        fault.n = fault.n.saturating_sub(1);
        let taken = fault.clone();
        if taken.n == 0 {
            faults.remove(idx);
        }
        Some(taken)
    }
}
