//! Pools of Postgres connections that take little and keep nothing open.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Executor, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::config::DatabaseUrl;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// What a pool is for.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// `application_name` in `pg_stat_activity`.
    pub application_name: String,
    /// The role that sessions take on; the login must be its member.
    pub role: Option<String>,
    /// The schemas that unqualified names are looked up in.
    pub search_path: Option<String>,
    /// Connections at most.
    pub max_connections: u32,
    /// Readers of the log never want a sequential scan: a plan made on an empty log stays.
    pub seqscan: bool,
    /// A statement that takes longer is cancelled by the server.
    pub statement_timeout: Duration,
    /// Read-only pools cannot write; others check every session that comes back (one more round trip).
    pub read_only: bool,
}

impl PoolOptions {
    /// Eight connections, statements of at most five seconds, the login's own role and path.
    pub fn new(application_name: impl Into<String>) -> Self {
        Self {
            application_name: application_name.into(),
            role: None,
            search_path: None,
            max_connections: 8,
            seqscan: true,
            statement_timeout: Duration::from_secs(5),
            read_only: false,
        }
    }
}

/// A pool that connects when first used; a server that is down shows at the first query, not here.
pub fn pool(url: &DatabaseUrl, options: PoolOptions) -> Result<PgPool, sqlx::Error> {
    crate::tls::install();
    let connect = connect_options(url, &options)?;
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(MAX_LIFETIME)
        .idle_timeout(IDLE_TIMEOUT)
        .test_before_acquire(false);
    let pool =
        if options.read_only { pool } else { pool.after_release(|session, _| Box::pin(is_idle(session))) };
    Ok(pool.connect_lazy_with(connect))
}

/// A cancelled `BEGIN` leaves a transaction open that sqlx does not know of (its issue 4385): such a session
/// is closed. Inside a transaction `now()` stands still; the simple protocol takes both times at one instant.
async fn is_idle(session: &mut PgConnection) -> Result<bool, sqlx::Error> {
    session.fetch_one("SELECT now() = statement_timestamp()").await?.try_get(0)
}

/// The settings of one session, for those who connect without a pool (LISTEN, migrations).
pub fn connect_options(url: &DatabaseUrl, options: &PoolOptions) -> Result<PgConnectOptions, sqlx::Error> {
    let timeout = options.statement_timeout.as_millis().to_string();
    let mut settings = vec![
        ("statement_timeout", timeout),
        ("lock_timeout", "2000".to_owned()),
        ("idle_in_transaction_session_timeout", "10000".to_owned()),
        ("enable_seqscan", if options.seqscan { "on" } else { "off" }.to_owned()),
    ];
    if !options.seqscan {
        // Before Postgres 18 a scan that cannot be avoided looks so dear that it is compiled first, for 200 ms.
        settings.push(("jit", "off".to_owned()));
    }
    if options.read_only {
        settings.push(("default_transaction_read_only", "on".to_owned()));
    }
    settings.extend(options.role.clone().map(|role| ("role", role)));
    settings.extend(options.search_path.clone().map(|path| ("search_path", path.replace(' ', ""))));
    let connect = PgConnectOptions::from_str(url.expose())?;
    Ok(connect.application_name(&options.application_name).options(settings))
}
