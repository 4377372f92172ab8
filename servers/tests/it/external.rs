//! Databases of a server that somebody else runs.

use servers::testing::{self, Template};
use servers::{Error, check_nats, check_postgres};
use sqlx::{Connection, PgConnection};
use tokio::{io::AsyncWriteExt, net::TcpListener};

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

/// What is said of a NATS server that greets with this.
async fn greeted(greeting: &'static str) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(greeting.as_bytes()).await.expect("a reader");
    };
    tokio::join!(check_nats("NATS_URL", "127.0.0.1", port), server).0
}

#[tokio::test]
async fn an_old_nats_server_will_not_do() {
    let error = greeted("INFO {\"server_id\":\"N\",\"version\":\"2.9.25\"}\r\n").await.unwrap_err();
    let text = "the NATS server of NATS_URL is version 2.9.25, 2.11 or newer is needed";
    assert_eq!(error.to_string(), text);
    greeted("INFO {\"server_id\":\"N\",\"version\":\"2.11.0\"}\r\n").await.unwrap();
}

#[tokio::test]
async fn a_nats_server_that_says_nothing_of_the_kind_is_left_to_who_connects() {
    greeted("SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
    check_nats("NATS_URL", "127.0.0.1", 1).await.unwrap();
}

#[tokio::test]
async fn our_own_nats_server_will_do() {
    let nats = testing::nats().await;
    let (host, port) = nats.url().trim_start_matches("nats://").rsplit_once(':').unwrap();
    check_nats("NATS_URL", host, port.parse().unwrap()).await.unwrap();
}
