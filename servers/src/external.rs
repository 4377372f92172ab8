//! Servers that somebody else runs: whether they serve.

use std::time::Duration;

use serde::Deserialize;
use sqlx::{Connection, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Error,
    find::{self, POSTGRES},
};

/// How long a NATS server may take to say who it is, and in how many bytes.
const GREETING: Duration = Duration::from_secs(2);
const LONGEST_GREETING: u64 = 64 * 1024;

const FACTS: &str = "\
    SELECT current_setting('server_version_num')::int4, current_setting('server_version'), \
           pg_encoding_to_char(encoding)::text, datctype::text \
    FROM pg_database WHERE datname = current_database()";

/// Checks version and ctype of the database at `url`; `variable` names the setting in the error.
pub async fn check_postgres(variable: &'static str, url: &str) -> Result<(), Error> {
    let unreachable = |error: sqlx::Error| Error::Unreachable { variable, reason: error.to_string() };
    let mut connection = PgConnection::connect(url).await.map_err(unreachable)?;
    let facts = sqlx::query_as(FACTS).fetch_one(&mut connection).await.map_err(unreachable)?;
    let (number, version, encoding, ctype): (i32, String, String, String) = facts;
    connection.close().await.map_err(unreachable)?;
    if number < 150_000 {
        let (server, needed) = ("Postgres", POSTGRES.oldest_text);
        return Err(Error::ServerTooOld { server, variable, found: version, needed });
    }
    if encoding != "UTF8" || !is_utf8(&ctype) {
        return Err(Error::NotUtf8 { variable, encoding, ctype });
    }
    Ok(())
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

/// Checks the version with which the NATS server at this address greets. One that says nothing now is waited for later, by
/// whoever connects.
pub async fn check_nats(variable: &'static str, host: &str, port: u16) -> Result<(), Error> {
    let Ok(Some(Info { version })) = timeout(GREETING, greeting(host, port)).await else { return Ok(()) };
    if find::NATS.takes(&version) {
        return Ok(());
    }
    let (server, needed) = ("NATS", find::NATS.oldest_text);
    Err(Error::ServerTooOld { server, variable, found: version, needed })
}

/// `INFO {...}`, the first line of the protocol, before any encryption.
async fn greeting(host: &str, port: u16) -> Option<Info> {
    let stream = TcpStream::connect((host, port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_GREETING)).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

/// `C.UTF-8`, `ko_KR.utf8`; plain `C` and `POSIX` know ASCII letters only.
fn is_utf8(ctype: &str) -> bool {
    let plain: String = ctype.to_ascii_lowercase().chars().filter(|c| *c != '-').collect();
    plain.contains("utf8")
}
