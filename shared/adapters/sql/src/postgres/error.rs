//! What went wrong with a PostgreSQL database, in the words of the ports.

use shared::{PortError, PortErrorKind};

/// The name of this platform in every error.
pub(crate) const PLATFORM: &str = "postgres";

/// Why a PostgreSQL database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum PostgresOpenError {
    /// The address cannot be used.
    #[error("address `{address}` {fault}")]
    Malformed {
        /// The address, without anything secret.
        address: String,
        /// What is wrong, and what to write.
        fault: String,
        /// What the driver answered.
        source: Option<sqlx::Error>,
    },
    /// The database cannot be reached, or does not let us in.
    #[error("database `{address}` could not be reached")]
    Unreachable {
        /// The address, without anything secret.
        address: String,
        /// What PostgreSQL answered.
        source: sqlx::Error,
    },
    /// The tables are older than this build, and the caller did not want them changed.
    #[error("database `{address}` lacks {n_pending} migrations: run `moodbridge db migrate`")]
    Outdated {
        /// The address, without anything secret.
        address: String,
        /// How many migrations it lacks.
        n_pending: usize,
    },
    /// A migration failed, or the tables were made by another build.
    #[error("tables of database `{address}` could not be brought up to date")]
    NotMigrated {
        /// The address, without anything secret.
        address: String,
        /// What the migration answered.
        source: sqlx::migrate::MigrateError,
    },
}

/// Turns an error of a statement into the answer of a port to `operation` on `subject`.
pub(crate) fn port_error(cause: sqlx::Error, operation: &'static str, subject: &str) -> PortError {
    PortError::new(kind_of(&cause), PLATFORM, operation, subject).with_source(cause)
}

/// Says what a failure means to a port.
///
/// What the values of one caller can cause is `Rejected`; what a later attempt may heal, and what
/// nobody foresaw, is `Unavailable`, so that no message is thrown away for it.
pub(crate) fn kind_of(error: &sqlx::Error) -> PortErrorKind {
    match error {
        sqlx::Error::RowNotFound => PortErrorKind::NotFound,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
            PortErrorKind::Rejected
        }
        _ => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            code.as_deref().map_or(PortErrorKind::Unavailable, kind_of_code)
        }
    }
}

/// Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
fn kind_of_code(code: &str) -> PortErrorKind {
    match code.get(..2) {
        // Data exception, broken constraint, program limit exceeded.
        Some("22" | "23" | "54") => PortErrorKind::Rejected,
        // Invalid authorization.
        Some("28") => PortErrorKind::Denied,
        // Insufficient privilege.
        _ if code == "42501" => PortErrorKind::Denied,
        _ => PortErrorKind::Unavailable,
    }
}

/// Says whether the same statement may well succeed at once: it lost against another one.
pub(crate) fn is_lost_race(error: &sqlx::Error) -> bool {
    // Serialization failure, deadlock detected.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_causes_is_rejected_and_what_time_heals_is_not() {
        for (code, kind) in [
            ("23505", PortErrorKind::Rejected),
            ("22021", PortErrorKind::Rejected),
            ("54000", PortErrorKind::Rejected),
            ("42501", PortErrorKind::Denied),
            ("28P01", PortErrorKind::Denied),
            ("53100", PortErrorKind::Unavailable),
            ("53300", PortErrorKind::Unavailable),
            ("57014", PortErrorKind::Unavailable),
            ("57P01", PortErrorKind::Unavailable),
            ("40P01", PortErrorKind::Unavailable),
            ("25006", PortErrorKind::Unavailable),
            ("42P01", PortErrorKind::Unavailable),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }
}
