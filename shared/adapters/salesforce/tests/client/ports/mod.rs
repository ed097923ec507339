//! The org behind the ports that write and read whole objects.

mod bulk_ranges;
mod bulk_read;
mod bulk_write;
mod same_values;
mod two_way;
mod writer;
