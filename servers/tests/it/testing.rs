//! What other crates' tests rely on.

use servers::testing::{self, Template};
use sqlx::{Connection, PgConnection};

fn template() -> Template {
    Template::new("servers_it", |url| async move {
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::raw_sql("CREATE TABLE note (text text); CREATE EXTENSION pg_trgm")
            .execute(&mut connection)
            .await?;
        connection.close().await
    })
}

async fn notes(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    sqlx::query_scalar("SELECT count(*) FROM note")
        .fetch_one(&mut connection)
        .await
        .expect("Postgres answers")
}

async fn write(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    sqlx::query("INSERT INTO note VALUES ('kept')").execute(&mut connection).await.expect("Postgres answers");
}

#[tokio::test]
async fn databases_of_one_template_share_nothing() {
    let one = testing::database(&template()).await;
    let other = testing::database(&template()).await;
    write(one.url()).await;
    assert_eq!(notes(one.url()).await, 1);
    assert_eq!(notes(other.url()).await, 0);
}

#[tokio::test]
async fn many_tests_at_once_get_their_databases() {
    let template = std::sync::Arc::new(template());
    let clones = (0..20).map(|_| {
        let template = template.clone();
        tokio::spawn(async move { testing::database(&template).await })
    });
    for clone in clones.collect::<Vec<_>>() {
        assert_eq!(notes(clone.await.unwrap().url()).await, 0);
    }
}

#[tokio::test]
async fn accounts_of_the_shared_nats_server_differ() {
    let (one, other) = (testing::nats().await, testing::nats().await);
    assert_ne!(one.url(), other.url());
}

#[tokio::test]
async fn hangul_has_trigrams() {
    let database = testing::database(&template()).await;
    let mut connection = PgConnection::connect(database.url()).await.expect("Postgres answers");
    let sql = "SELECT cardinality(show_trgm('보고서'))";
    let trigrams: i32 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("Postgres answers");
    assert!(trigrams > 0);
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_what_was_committed() {
    let mut postgres = testing::own_postgres(&template()).await;
    let (url, pid) = (postgres.url(), postgres.pid());
    write(&url).await;
    postgres.kill().await;
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.start().await;
    assert_eq!(postgres.url(), url);
    assert_ne!(postgres.pid(), pid);
    assert_eq!(notes(&url).await, 1);
    postgres.stop().await;
    postgres.start().await;
    assert_eq!(notes(&url).await, 1);
}

#[tokio::test]
async fn a_killed_nats_server_comes_back_without_its_disk() {
    let mut nats = testing::own_nats().await;
    let (url, pid) = (nats.url(), nats.pid());
    nats.kill().await;
    nats.wipe();
    nats.start().await;
    assert_eq!(nats.url(), url);
    assert_ne!(nats.pid(), pid);
}
