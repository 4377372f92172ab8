//! The table of seals.

use sqlx::{FromRow, PgExecutor, PgPool};

use super::{Digest, Ledger, Malformed, SignedSeal};

/// A seal as it stands in the table; nothing of it is believed yet.
#[derive(Debug, FromRow)]
pub(super) struct SealRow {
    pub(super) number: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) line: String,
    leaves: Vec<u8>,
}

impl SealRow {
    /// The hashes of its block.
    pub(super) fn leaves(&self) -> Vec<Digest> {
        let hashes = self.leaves.chunks_exact(32).filter_map(|chunk| chunk.try_into().ok());
        hashes.map(Digest).collect()
    }

    /// The seal, if its line is one and says what the columns say.
    pub(super) fn seal(&self, ledger: Ledger) -> Result<SignedSeal, Malformed> {
        let signed = SignedSeal::parse(&self.line)?;
        let seal = &signed.seal;
        let agrees =
            (seal.log, seal.number, seal.first, seal.last) == (ledger, self.number, self.first, self.last);
        if agrees { Ok(signed) } else { Err(Malformed) }
    }
}

/// Where a seal ends: what the next one must follow.
#[derive(Clone, Copy, Debug, Default, FromRow)]
pub(super) struct Link {
    pub(super) number: i64,
    pub(super) last: i64,
    #[sqlx(try_from = "String", rename = "line")]
    pub(super) hash: HashOfLine,
}

/// The hash of a line of the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HashOfLine(pub(super) Digest);

impl From<String> for HashOfLine {
    fn from(line: String) -> Self {
        Self(Digest::of(&[line.as_bytes()]))
    }
}

/// The seals after this number, at most `limit`.
pub(super) async fn after(
    pool: &PgPool,
    ledger: Ledger,
    number: i64,
    limit: i64,
) -> Result<Vec<SealRow>, sqlx::Error> {
    const SQL: &str = "SELECT number, first, last, line, leaves FROM event_store.seals \
         WHERE log = $1 AND number > $2 ORDER BY number LIMIT $3";
    sqlx::query_as(SQL).bind(ledger.as_str()).bind(number).bind(limit).fetch_all(pool).await
}

/// The seal of the block that this position is in.
pub(super) async fn holding(
    pool: &PgPool,
    ledger: Ledger,
    position: i64,
) -> Result<Option<SealRow>, sqlx::Error> {
    const SQL: &str = "SELECT number, first, last, line, leaves FROM event_store.seals \
         WHERE log = $1 AND first <= $2 ORDER BY first DESC LIMIT 1";
    let row: Option<SealRow> =
        sqlx::query_as(SQL).bind(ledger.as_str()).bind(position).fetch_optional(pool).await?;
    Ok(row.filter(|row| position <= row.last))
}

/// What the seal of the block with this position must follow, or the first seal after it; by default the beginning.
pub(super) async fn before(pool: &PgPool, ledger: Ledger, position: i64) -> Result<Link, sqlx::Error> {
    const SQL: &str = "SELECT number, last, line FROM event_store.seals WHERE log = $1 AND last < $2 AND first < $2 \
         ORDER BY first DESC LIMIT 1";
    let link = sqlx::query_as(SQL).bind(ledger.as_str()).bind(position).fetch_optional(pool).await?;
    Ok(link.unwrap_or_default())
}

/// The lines of the seals from this number on, at most `limit`.
#[cfg(feature = "append")]
pub(super) async fn lines(
    pool: &PgPool,
    ledger: Ledger,
    from: i64,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    const SQL: &str =
        "SELECT line FROM event_store.seals WHERE log = $1 AND number >= $2 ORDER BY number LIMIT $3";
    sqlx::query_scalar(SQL).bind(ledger.as_str()).bind(from).bind(limit).fetch_all(pool).await
}

/// The last seal of a log, as its line has it; none while there is none, or if it is no seal.
pub async fn last_seal(
    executor: impl PgExecutor<'_>,
    ledger: Ledger,
) -> Result<Option<SignedSeal>, sqlx::Error> {
    const SQL: &str = "SELECT line FROM event_store.seals WHERE log = $1 ORDER BY number DESC LIMIT 1";
    let line: Option<String> = sqlx::query_scalar(SQL).bind(ledger.as_str()).fetch_optional(executor).await?;
    Ok(line.and_then(|line| SignedSeal::parse(&line).ok()))
}
