//! Rows of `task_search`, and the words in them.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{
    super::literal::{Lines, array},
    PartText, Parts,
    words::{hash, searchable, short_words, words},
};

/// Most words are there already. New ones come in their order, so that workers who meet the same ones wait for each other
/// and never crosswise.
macro_rules! add_words {
    () => {
        "
INSERT INTO search_words (hash, word, short)
SELECT u.hash, u.word, u.short::text[]
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS u (hash, word, short, number)
WHERE NOT EXISTS (
    SELECT FROM search_words AS known
    WHERE known.hash = u.hash AND hashtextextended(known.word, 0) = hashtextextended(u.word, 0))
ORDER BY u.number
ON CONFLICT DO NOTHING"
    };
}

const ADD_WORDS: &str = add_words!();

/// Words and texts in one round trip: each costs as much as some rows do.
const UPSERT: &str = concat!(
    "WITH words AS (",
    add_words!(),
    ")
INSERT INTO task_search (task_id, part, position, text, words)
SELECT task_id, part, position, text, words::integer[]
FROM unnest($4::uuid[], $5::uuid[], $6::bigint[], $7::text[], $8::text[]) AS u (task_id, part, position, text, words)
ON CONFLICT (task_id, part) DO UPDATE SET position = excluded.position, text = excluded.text, words = excluded.words"
);

pub(super) async fn upsert(tables: &mut PgConnection, parts: &Parts) -> sqlx::Result<()> {
    let rows = rows(parts);
    if rows.is_empty() {
        return Ok(());
    }
    with_words(UPSERT, &rows)
        .bind(rows.iter().map(|row| row.task).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.part).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.position).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(Row::hashes).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}

const COPY: &str = "COPY task_search (task_id, part, position, text, words) FROM STDIN";

pub(super) async fn copy(tables: &mut PgConnection, parts: &Parts) -> sqlx::Result<()> {
    let rows = rows(parts);
    with_words(ADD_WORDS, &rows).execute(&mut *tables).await?;
    let mut lines = Lines::default();
    for row in &rows {
        let hashes = row.hashes();
        lines.plain(row.task).plain(row.part).plain(row.position).text(&row.text).text(&hashes).end();
    }
    lines.send(tables, COPY).await
}

/// The words of the rows as parameters $1 to $3.
fn with_words<'a>(sql: &'static str, rows: &'a [Row]) -> Query<'a, Postgres, PgArguments> {
    let all: BTreeSet<&str> = rows.iter().flat_map(|row| words(&row.text)).collect();
    sqlx::query(sql)
        .bind(all.iter().map(|word| hash(word)).collect::<Vec<_>>())
        .bind(all.iter().copied().collect::<Vec<_>>())
        .bind(all.iter().map(|word| array(short_words(word))).collect::<Vec<_>>())
}

/// A row as the table holds it.
struct Row {
    task: Uuid,
    part: Uuid,
    position: i64,
    text: String,
}

impl Row {
    /// The hashes of its words as an array literal.
    fn hashes(&self) -> String {
        let hashes: BTreeSet<i32> = words(&self.text).into_iter().map(hash).collect();
        let hashes: Vec<String> = hashes.iter().map(i32::to_string).collect();
        format!("{{{}}}", hashes.join(","))
    }
}

fn rows(parts: &Parts) -> Vec<Row> {
    let row = |((task, part), said): (&(Uuid, Uuid), &PartText)| {
        let text = searchable(&said.text);
        Row { task: *task, part: *part, position: said.position, text }
    };
    parts.iter().map(row).collect()
}
