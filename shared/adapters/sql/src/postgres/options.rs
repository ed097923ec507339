//! Where a PostgreSQL database is, and how it is spoken to.

use shared::secret::Secret;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

use super::error::PostgresOpenError;

/// Connections of one process to one database at most, for each adapter that uses it.
const N_CONNECTIONS: u32 = 10;
/// Prepared statements kept for each connection.
const N_STATEMENTS: usize = 128;
/// A statement that takes longer is a fault: it would hold back the removal of dead rows.
const STATEMENT_TIMEOUT: &str = "60s";
/// A transaction whose process has stopped without a word must not keep its locks.
const IDLE_TIMEOUT: &str = "60s";
/// Keys of the query that are for the database. Others are refused: a misspelled `password` must
/// not travel on.
const KEYS: [&str; 11] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];
/// Keys of the query that are for us.
const OUR_KEYS: [&str; 2] = ["password", "queue"];

/// Where a PostgreSQL database is, and how it is spoken to.
#[derive(Clone)]
pub struct PostgresOptions {
    connection: PgConnectOptions,
    address: String,
    max_connections: u32,
}

impl std::fmt::Debug for PostgresOptions {
    /// Shows the address only: the rest may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresOptions").field(&self.address).finish()
    }
}

impl PostgresOptions {
    /// Reads an address such as `postgres://user@host:5432/database?sslmode=verify-full`.
    ///
    /// The keys `queue` and `password` of the query are not for the database: the first names a
    /// queue, the second is the address of a secret, whose value comes as `password`. Without
    /// `sslmode`, another machine must show a certificate that holds (`verify-full`), and this one
    /// need not (`prefer`). `host=/folder` in the query is the folder of a socket.
    ///
    /// # Errors
    ///
    /// [`PostgresOpenError::Malformed`].
    pub fn parse(address: &Url, password: Option<&Secret>) -> Result<Self, PostgresOpenError> {
        let shown = shown(address);
        if let Some(fault) = fault(address) {
            return Err(PostgresOpenError::Malformed { address: shown, fault, source: None });
        }
        let mut connection =
            PgConnectOptions::from_url(&without_ours(address)).map_err(|source| {
                let fault = "has a part that PostgreSQL does not know".to_owned();
                PostgresOpenError::Malformed { address: shown.clone(), fault, source: Some(source) }
            })?;
        if query(address, "sslmode").is_none() {
            let mode = if is_local(address) { PgSslMode::Prefer } else { PgSslMode::VerifyFull };
            connection = connection.ssl_mode(mode);
        }
        if let Some(password) = password {
            connection = connection.password(password.expose());
        }
        if connection.get_application_name().is_none() {
            connection = connection.application_name("moodbridge");
        }
        let connection = connection
            .statement_cache_capacity(N_STATEMENTS)
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
                // What we wrote for it may break where somebody has set another one.
                ("default_transaction_isolation", "read committed"),
            ])
            .disable_statement_logging();
        Ok(Self { connection, address: shown, max_connections: N_CONNECTIONS })
    }

    /// Returns `address` as errors may show it: without its query and without a password.
    pub fn shown(address: &Url) -> String {
        shown(address)
    }

    /// Allows up to `max_connections` connections of this process; 10 by default.
    #[must_use]
    pub fn with_max_connections(mut self, max_connections: u32) -> Self {
        self.max_connections = max_connections.max(1);
        self
    }

    /// Has statements find tables in `schema` without naming it.
    #[must_use]
    pub(crate) fn with_schema(mut self, schema: &'static str) -> Self {
        self.connection = self.connection.options([("search_path", schema)]);
        self
    }

    /// Returns the address without anything secret, as errors show it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns what tells this database, and the user in it, from others.
    pub(crate) fn place(&self) -> String {
        let it = &self.connection;
        let (host, port, socket) = (it.get_host(), it.get_port(), it.get_socket());
        format!("{:?}", (host, port, socket, it.get_database(), it.get_username()))
    }

    pub(crate) fn connection(&self) -> &PgConnectOptions {
        &self.connection
    }

    pub(crate) fn max_connections(&self) -> u32 {
        self.max_connections
    }
}

/// Says what is wrong with `address`, and what to write instead.
fn fault(address: &Url) -> Option<String> {
    if !matches!(address.scheme(), "postgres" | "postgresql") {
        return Some(
            "is not one of PostgreSQL: write such as `postgres://user@host/db`".to_owned(),
        );
    }
    if address.password().is_some() {
        let fault = "holds a password: take it out, and name where it lies, \
                     such as `?password=env:PGPASSWORD`";
        return Some(fault.to_owned());
    }
    if address.path().trim_matches('/').is_empty() && query(address, "dbname").is_none() {
        return Some("names no database: write such as `postgres://user@host/db`".to_owned());
    }
    let mut keys = address.query_pairs().map(|(key, _)| key);
    let unknown = keys.find(|it| !KEYS.contains(&&**it) && !OUR_KEYS.contains(&&**it))?;
    Some(format!("has the unknown key `{unknown}`: write one of {}", KEYS.join(", ")))
}

fn query(address: &Url, key: &str) -> Option<String> {
    address.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

/// Returns the address without the keys that are for us.
fn without_ours(address: &Url) -> Url {
    let mut theirs = address.clone();
    theirs
        .query_pairs_mut()
        .clear()
        .extend_pairs(address.query_pairs().filter(|(key, _)| !OUR_KEYS.contains(&&**key)));
    theirs
}

/// Returns the address as errors may show it: scheme, user, host and database.
fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    shown.set_query(None);
    // Nothing to hide where there is no host.
    let _ = shown.set_password(None);
    shown.to_string()
}

/// Says whether the database is on this machine.
fn is_local(address: &Url) -> bool {
    if let Some(host) = query(address, "host").or_else(|| query(address, "hostaddr")) {
        return host.starts_with('/') || is_loopback(&host);
    }
    match address.host() {
        None => true,
        Some(Host::Domain(host)) => host.starts_with("%2F") || is_loopback(host),
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<PostgresOptions, PostgresOpenError> {
        PostgresOptions::parse(&Url::parse(address).unwrap(), None)
    }

    #[test]
    fn what_is_ours_does_not_reach_the_driver() {
        let options =
            parse("postgres://ann@db.example:5433/firm?queue=events&password=env:PGPASSWORD")
                .unwrap();

        assert_eq!(options.address(), "postgres://ann@db.example:5433/firm");
        assert_eq!(options.connection().get_host(), "db.example");
        assert_eq!(options.connection().get_port(), 5433);
        assert_eq!(options.connection().get_database(), Some("firm"));
        assert_eq!(options.connection().get_username(), "ann");
    }

    #[test]
    fn another_machine_must_show_a_certificate_unless_told_otherwise() {
        for (address, is_verified) in [
            ("postgres://ann@db.example/firm", true),
            ("postgres://ann@192.0.2.7/firm", true),
            ("postgres://ann@localhost/firm?host=db.example", true),
            ("postgres://ann@db.example/firm?sslmode=require", false),
            ("postgres://ann@localhost/firm", false),
            ("postgres://ann@[::1]/firm", false),
            ("postgres://ann@%2Fvar%2Frun/firm", false),
            ("postgres://ann@localhost/firm?host=/var/run/postgresql", false),
        ] {
            let mode = parse(address).unwrap().connection().get_ssl_mode();
            assert_eq!(matches!(mode, PgSslMode::VerifyFull), is_verified, "{address} {mode:?}");
        }
    }

    #[test]
    fn password_in_the_address_is_refused_and_not_repeated() {
        for address in ["postgres://ann:hunter2@db/firm", "postgres://ann@db/firm?pasword=hunter2"]
        {
            let error = parse(address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn address_without_a_database_says_what_to_write() {
        let error = parse("postgres://ann@db").unwrap_err();
        assert!(error.to_string().contains("`postgres://user@host/db`"), "{error}");
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let address = Url::parse("postgres://ann@db/firm").unwrap();
        let options = PostgresOptions::parse(&address, Some(&Secret::new("hunter2"))).unwrap();
        assert_eq!(format!("{options:?}"), "PostgresOptions(\"postgres://ann@db/firm\")");
    }
}
