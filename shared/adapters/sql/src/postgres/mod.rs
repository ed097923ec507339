//! What every adapter on PostgreSQL shares: addresses, connections, migrations, errors.

mod error;
mod migrations;
mod options;
mod pool;

pub use error::PostgresOpenError;
pub use options::PostgresOptions;

pub(crate) use error::{PLATFORM, is_lost_race, kind_of, port_error};
pub(crate) use migrations::{Tables, move_to};
pub(crate) use pool::{connect, connect_lazily, open};
