//! Units of work that survive their caller.

use std::{pin::Pin, time::Duration};

use sqlx::{Connection, PgConnection, PgPool};

/// The future that a unit of work returns, borrowing the transaction's connection.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// No unit of work may take longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Runs `work` in one transaction, in a task of its own: a caller that goes away (a cancelled request) changes nothing,
/// and no connection goes back to the pool inside a transaction (sqlx #4385). Commits on `Ok`, rolls back on `Err`.
///
/// Every transaction of more than one statement goes through here. The caller waits for the connection, so there are
/// never more such tasks than connections.
pub async fn in_transaction<T, E, F>(pool: &PgPool, work: F) -> Result<T, E>
where
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T, E> + Send + 'static,
{
    let mut connection = pool.acquire().await?;
    let task = tokio::spawn(async move {
        let ended = tokio::time::timeout(DEADLINE, run(&mut connection, work)).await;
        match ended.unwrap_or_else(|_| Ended::Unknown(sqlx::Error::PoolTimedOut.into())) {
            Ended::Clean(result) => result,
            Ended::Unknown(error) => {
                drop(connection.detach());
                Err(error)
            }
        }
    });
    task.await.unwrap_or_else(|failed| Err(sqlx::Error::Io(std::io::Error::other(failed)).into()))
}

/// How a transaction ended on its connection.
enum Ended<T, E> {
    /// Committed or rolled back: the connection is as good as new.
    Clean(Result<T, E>),
    /// The connection's state is not known: it must not be used again.
    Unknown(E),
}

async fn run<T, E, F>(connection: &mut PgConnection, work: F) -> Ended<T, E>
where
    E: From<sqlx::Error>,
    F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T, E>,
{
    let mut transaction = match connection.begin().await {
        Ok(transaction) => transaction,
        Err(error) => return Ended::Unknown(error.into()),
    };
    let result = work(&mut transaction).await;
    let end = match &result {
        Ok(_) => transaction.commit().await,
        Err(_) => transaction.rollback().await,
    };
    match end {
        Ok(()) => Ended::Clean(result),
        Err(error) => Ended::Unknown(error.into()),
    }
}
