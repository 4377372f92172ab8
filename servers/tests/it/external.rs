//! Databases of a server that somebody else runs.

use servers::testing::{self, Template};
use servers::{Error, check_postgres};
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn a_database_with_utf8_ctype_will_do() {
    let database = testing::database(&Template::empty()).await;
    check_postgres("EVENT_STORE_URL", database.url()).await.unwrap();
}

#[tokio::test]
async fn a_database_without_utf8_ctype_will_not() {
    let database = testing::database(&Template::empty()).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    for (name, rest) in
        [("plain", "ENCODING 'UTF8' LC_CTYPE 'C'"), ("ascii", "ENCODING 'SQL_ASCII' LC_CTYPE 'C'")]
    {
        let name = format!("{name}_{:x}", std::process::id());
        let sql = format!("CREATE DATABASE {name} {rest} LC_COLLATE 'C' TEMPLATE template0");
        sqlx::raw_sql(&sql).execute(&mut connection).await.unwrap();
        let (server, _) = database.url().rsplit_once('/').unwrap();
        let error = check_postgres("EVENT_STORE_URL", &format!("{server}/{name}")).await.unwrap_err();
        assert!(matches!(&error, Error::NotUtf8 { ctype, .. } if ctype == "C"), "{error}");
        assert_eq!(error.to_string().lines().count(), 1);
        sqlx::raw_sql(&format!("DROP DATABASE {name} WITH (FORCE)")).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let error = check_postgres("READ_MODEL_URL", "postgres://nobody@127.0.0.1:1/none").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot reach the database of READ_MODEL_URL: "), "{error}");
}
