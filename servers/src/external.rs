//! Servers that somebody else runs: whether they serve.

use sqlx::{Connection, PgConnection};

use crate::Error;

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
        return Err(Error::ServerTooOld { variable, found: version });
    }
    if encoding != "UTF8" || !is_utf8(&ctype) {
        return Err(Error::NotUtf8 { variable, encoding, ctype });
    }
    Ok(())
}

/// `C.UTF-8`, `ko_KR.utf8`; plain `C` and `POSIX` know ASCII letters only.
fn is_utf8(ctype: &str) -> bool {
    let plain: String = ctype.to_ascii_lowercase().chars().filter(|c| *c != '-').collect();
    plain.contains("utf8")
}
