//! Making the read model: again and again, by several at once, where something is missing.

use projections::{MigrateError, migrate};
use servers::testing::{self, Template};

#[tokio::test(flavor = "multi_thread")]
async fn several_may_migrate_at_once() {
    let database = testing::database(&Template::empty()).await;
    let url = database.url();
    let (one, two, three) = tokio::join!(migrate(url), migrate(url), migrate(url));
    (one.and(two).and(three)).unwrap();
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let live: i64 =
        sqlx::query_scalar("SELECT count(*) FROM read_model.positions").fetch_one(&pool).await.unwrap();
    assert_eq!(live, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ctype_without_korean_is_refused_in_one_line() {
    let database = testing::database(&Template::empty()).await;
    let pool = sqlx::PgPool::connect(database.url()).await.unwrap();
    let name = format!("ascii_{:08x}", rand::random::<u32>());
    sqlx::query(&format!(
        "CREATE DATABASE {name} LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8' TEMPLATE template0"
    ))
    .execute(&pool)
    .await
    .unwrap();
    let own: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&pool).await.unwrap();
    let error = migrate(&database.url().replace(&own, &name)).await.unwrap_err();
    assert!(matches!(error, MigrateError::Ctype), "{error}");
    assert!(!error.to_string().contains('\n'));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_read_and_nobody_else_writes() {
    let database = testing::database(&Template::empty()).await;
    migrate(database.url()).await.unwrap();
    let mut reader = sqlx::PgPool::connect(database.url()).await.unwrap().acquire().await.unwrap();
    sqlx::query("SET ROLE taskledger_read").execute(&mut *reader).await.unwrap();
    for view in [
        "tasks",
        "task_people",
        "task_labels",
        "comments",
        "task_search",
        "search_words",
        "task_versions",
        "task_past_links",
        "users",
        "audit_events",
        "audit_attempts",
        "positions",
        "parked_events",
    ] {
        sqlx::query(&format!("SELECT * FROM read_model.{view}")).execute(&mut *reader).await.unwrap();
        assert!(sqlx::query(&format!("DELETE FROM read_model.{view}")).execute(&mut *reader).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_the_database_needs_no_other_rights() {
    let shared = testing::database(&Template::empty()).await;
    migrate(shared.url()).await.unwrap();
    let pool = sqlx::PgPool::connect(shared.url()).await.unwrap();
    let name = format!("owner_{:08x}", rand::random::<u32>());
    let run = async |sql: String| sqlx::raw_sql(&sql).execute(&pool).await.unwrap();
    run(format!("CREATE ROLE {name} LOGIN PASSWORD 'x'; GRANT taskledger_projections TO {name}")).await;
    run(format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0")).await;
    let own: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&pool).await.unwrap();
    let (_, rest) = shared.url().split_once('@').unwrap();
    let url = format!("postgres://{name}:x@{}", rest.replace(&own, &name));
    migrate(&url).await.unwrap();
    migrate(&url).await.unwrap();
}
