//! Rows of `task_search`, and the words in them.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::literal::{Lines, array},
    PartText, Parts,
    words::{hash, searchable, short_words, words},
};

const UPSERT: &str = "
INSERT INTO task_search (task_id, part, position, text, words)
SELECT task_id, part, position, text, words::integer[]
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[]) AS u (task_id, part, position, text, words)
ON CONFLICT (task_id, part) DO UPDATE SET position = excluded.position, text = excluded.text, words = excluded.words";

pub(super) async fn upsert(tables: &mut PgConnection, parts: &Parts) -> sqlx::Result<()> {
    let rows = rows(parts);
    if rows.is_empty() {
        return Ok(());
    }
    add_words(tables, &rows).await?;
    sqlx::query(UPSERT)
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
    add_words(tables, &rows).await?;
    let mut lines = Lines::default();
    for row in &rows {
        let hashes = row.hashes();
        lines.plain(row.task).plain(row.part).plain(row.position).text(&row.text).text(&hashes).end();
    }
    lines.send(tables, COPY).await
}

/// Most words are there already. New ones come in their order, so that workers who meet the same ones wait for each other
/// and never crosswise.
const ADD_WORDS: &str = "
INSERT INTO search_words (hash, word, short)
SELECT u.hash, u.word, u.short::text[]
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS u (hash, word, short, number)
WHERE NOT EXISTS (
    SELECT FROM search_words AS known
    WHERE known.hash = u.hash AND hashtextextended(known.word, 0) = hashtextextended(u.word, 0))
ORDER BY u.number
ON CONFLICT DO NOTHING";

async fn add_words(tables: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    let all: BTreeSet<&str> = rows.iter().flat_map(|row| words(&row.text)).collect();
    if all.is_empty() {
        return Ok(());
    }
    sqlx::query(ADD_WORDS)
        .bind(all.iter().map(|word| hash(word)).collect::<Vec<_>>())
        .bind(all.iter().copied().collect::<Vec<_>>())
        .bind(all.iter().map(|word| array(short_words(word))).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
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
