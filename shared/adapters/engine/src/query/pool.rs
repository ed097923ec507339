//! Memory for plans: what can be put aside on disk never takes all of it.

use std::fmt;

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    FairSpillPool, GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// Shares memory out: three quarters fairly among what can be put aside on disk, and all that is left to
/// what cannot, such as the merging of what was put aside. Without that, a sort that just fits leaves no
/// room for the merge above it.
#[derive(Debug)]
pub(super) struct SharedOut {
    fair: FairSpillPool,
    whole: GreedyMemoryPool,
}

impl SharedOut {
    /// Shares `n_bytes` out.
    pub(super) fn new(n_bytes: usize) -> Self {
        Self {
            fair: FairSpillPool::new(n_bytes - n_bytes / 4),
            whole: GreedyMemoryPool::new(n_bytes),
        }
    }
}

fn can_spill(reservation: &MemoryReservation) -> bool {
    reservation.consumer().can_spill()
}

impl MemoryPool for SharedOut {
    fn name(&self) -> &'static str {
        "shared out"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.fair.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.fair.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        if can_spill(reservation) {
            self.fair.grow(reservation, additional);
        }
        self.whole.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        if can_spill(reservation) {
            self.fair.shrink(reservation, shrink);
        }
        self.whole.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        if can_spill(reservation) {
            self.fair.try_grow(reservation, additional)?;
        }
        let grown = self.whole.try_grow(reservation, additional);
        if grown.is_err() && can_spill(reservation) {
            self.fair.shrink(reservation, additional);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.whole.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.whole.memory_limit()
    }
}

impl fmt::Display for SharedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {}", self.name(), self.fair, self.whole)
    }
}
