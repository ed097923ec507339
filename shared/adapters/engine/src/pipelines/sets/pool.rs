//! Memory that operators share: what one may hold, and what is left for bringing it to disk.

use std::fmt;
use std::sync::Mutex;

use datafusion_common::{Result, resources_datafusion_err};
use datafusion_execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

use crate::pipelines::chain::locked;

/// The share of memory that is held by operators that can put it on disk, in percent. The rest is left for
/// sorting and merging what they hold: with wide keys that takes as much again. `FairSpillPool` of
/// `DataFusion` leaves a constant number, and fails there.
const HELD_PERCENT: usize = 45;

/// Memory with a limit. Operators that can put rows on disk have equal parts of a share of it.
#[derive(Debug)]
pub(super) struct SharedMemory {
    n_bytes: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Operators that can put rows on disk.
    n_holders: usize,
    n_bytes: usize,
}

impl SharedMemory {
    /// Gives at most `n_bytes`.
    pub(super) fn new(n_bytes: usize) -> Self {
        Self { n_bytes, taken: Mutex::new(Taken::default()) }
    }
}

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared memory of {} bytes", self.n_bytes)
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &'static str {
        "shared memory"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        locked(&self.taken).n_holders += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        let mut taken = locked(&self.taken);
        taken.n_holders = taken.n_holders.saturating_sub(usize::from(consumer.can_spill()));
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        locked(&self.taken).n_bytes += additional;
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        let mut taken = locked(&self.taken);
        taken.n_bytes = taken.n_bytes.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = locked(&self.taken);
        let mut available = self.n_bytes.saturating_sub(taken.n_bytes);
        if reservation.consumer().can_spill() {
            let share = self.n_bytes / 100 * HELD_PERCENT / taken.n_holders.max(1);
            available = available.min(share.saturating_sub(reservation.size()));
        }
        if additional > available {
            let name = reservation.consumer().name();
            return Err(resources_datafusion_err!(
                "`{name}` asks for {additional} bytes, and {available} are left"
            ));
        }
        taken.n_bytes += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        locked(&self.taken).n_bytes
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.n_bytes)
    }
}
