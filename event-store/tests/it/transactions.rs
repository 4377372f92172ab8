//! Units of work whose callers go away.

use event_store::in_transaction;
use sqlx::{Executor, PgPool, postgres::PgPoolOptions};

use crate::store::{PATIENCE, Store};

const TABLE: &str = "CREATE TABLE public.pairs (number integer); GRANT ALL ON public.pairs TO PUBLIC";

async fn one_connection(store: &Store) -> PgPool {
    store.owner().await.execute(TABLE).await.unwrap();
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false) // as the services' pools: an acquire aborted in its check closes the connection
        .connect(store.url())
        .await
        .unwrap()
}

/// Writes two rows in two statements; uneven numbers fail after that.
async fn pair(pool: &PgPool, number: i32) -> Result<(), sqlx::Error> {
    in_transaction(pool, move |connection| {
        Box::pin(async move {
            for _ in 0..2 {
                sqlx::query("INSERT INTO public.pairs VALUES ($1)")
                    .bind(number)
                    .execute(&mut *connection)
                    .await?;
            }
            if number % 2 == 0 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
        })
    })
    .await
}

/// How many numbers there are, and how many of them are not pairs of even numbers.
async fn count(pool: &PgPool) -> (i64, i64) {
    const SQL: &str = "SELECT count(*), count(*) FILTER (WHERE rows <> 2 OR number % 2 = 1) \
         FROM (SELECT number, count(*) AS rows FROM public.pairs GROUP BY number) AS numbers";
    sqlx::query_as(SQL).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_aborted_requests_leave_the_connection_clean() {
    let store = Store::new().await;
    let pool = one_connection(&store).await;
    let (mut aborted, mut number) = (0, 0);
    // How far a request gets before it is given up depends on the machine: there are more until some of each kind are
    // among them.
    while number < 10_000 || number < 200_000 && (aborted <= 5_000 || count(store.pool()).await.0 <= 100) {
        let request = tokio::spawn({
            let pool = pool.clone();
            async move { pair(&pool, number).await }
        });
        // Given up at another point each time, now and then in the middle of a statement.
        for _ in 0..number % 97 * 10 {
            tokio::task::yield_now().await;
        }
        request.abort();
        aborted += i32::from(request.await.is_err_and(|error| error.is_cancelled()));
        number += 1;
    }
    assert!(aborted > 5_000, "{aborted} requests were aborted");
    pair(&pool, 1_000_000).await.unwrap();
    let (numbers, broken) = count(&pool).await;
    assert_eq!(broken, 0);
    assert!(numbers > 100, "{numbers} requests got far enough to be carried out");
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.unwrap();
    let state: String = sqlx::query_scalar("SELECT state FROM pg_stat_activity WHERE pid = $1")
        .bind(backend)
        .fetch_one(&mut store.owner().await)
        .await
        .unwrap();
    assert_eq!(state, "idle");
}

#[tokio::test]
async fn an_error_rolls_back() {
    let store = Store::new().await;
    let pool = one_connection(&store).await;
    assert!(pair(&pool, 1).await.is_err());
    pair(&pool, 2).await.unwrap();
    assert_eq!(count(&pool).await, (1, 0));
}

#[tokio::test]
async fn a_panic_rolls_back_and_does_not_spread() {
    let store = Store::new().await;
    let pool = one_connection(&store).await;
    let result: Result<(), sqlx::Error> = in_transaction(&pool, |connection| {
        Box::pin(async move {
            sqlx::query("INSERT INTO public.pairs VALUES (1)").execute(connection).await?;
            panic!("in the middle");
        })
    })
    .await;
    assert!(matches!(result, Err(sqlx::Error::Io(_))));
    assert_eq!(count(&pool).await, (0, 0));
}
