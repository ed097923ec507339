//! Whether a bucket is kept as it should be: what it lacks, and what to do.

mod asked;
mod buckets;
mod judge;

pub use buckets::Buckets;
pub use judge::BucketFinding;
