//! Several statements at once, unprepared.

use futures_util::{FutureExt, future::BoxFuture};
use sqlx::{Executor, PgConnection};

/// Runs the statements of `sql`. Boxed, because `raw_sql` over a local text is not `Send` for every lifetime.
pub(crate) fn run<'a>(connection: &'a mut PgConnection, sql: &'a str) -> BoxFuture<'a, sqlx::Result<()>> {
    connection.execute(sql).map(|done| done.map(drop)).boxed()
}
