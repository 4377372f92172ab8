//! Rows of `task_search`, and the words in them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{binary::Rows, literal::array},
    Parts,
    known::Known,
    words::{hash, short_words, words},
};

const TAKE_OUT: &str = "
DELETE FROM task_search AS t USING unnest($1::uuid[], $2::uuid[]) AS u (task_id, part)
WHERE t.task_id = u.task_id AND t.part = u.part
RETURNING t.task_id, t.part, t.text";

/// Takes the rows out that these parts had before, and from them what the events left as it was: all rows can be copied then,
/// which costs half as much as asking for each whether there is one.
pub(super) async fn take_out(tables: &mut PgConnection, parts: &mut Parts) -> sqlx::Result<()> {
    let changed = parts.iter().filter(|(_, part)| !part.begun);
    let (tasks, changed): (Vec<Uuid>, Vec<Uuid>) = changed.map(|(key, _)| *key).unzip();
    if tasks.is_empty() {
        return Ok(());
    }
    let rows: Vec<(Uuid, Uuid, String)> =
        sqlx::query_as(TAKE_OUT).bind(tasks).bind(changed).fetch_all(tables).await?;
    for (task, part, before) in rows {
        if let Some(part) = parts.get_mut(&(task, part)) {
            part.complete(&before);
        }
    }
    Ok(())
}

const COPY: &str = "COPY task_search (task_id, part, position, text, words) FROM STDIN (FORMAT binary)";

/// Adds rows, and those of their words that are not known.
pub(super) async fn copy(
    tables: &mut PgConnection,
    parts: &Parts,
    known: Option<&Known>,
) -> sqlx::Result<()> {
    let texts: Vec<String> = parts.values().map(|part| part.text()).collect();
    let mut all = Vec::new();
    let mut rows = Rows::of(5);
    for (((task, part), said), text) in parts.iter().zip(&texts) {
        let begin = all.len();
        all.extend(words(text));
        let mut hashes: Vec<i32> = all[begin..].iter().map(|word| hash(word)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        rows.row().id(*task).id(*part).number(said.position).text(text).numbers(&hashes);
    }
    let mut new: Vec<&str> = match known {
        Some(known) => known.unknown(all.into_iter()).into_iter().collect(),
        None => all,
    };
    new.sort_unstable();
    new.dedup();
    add_words(tables, &new).await?;
    rows.send(tables, COPY).await
}

/// New ones come in their order, so that workers who meet the same ones wait for each other and never crosswise.
const ADD_WORDS: &str = "
INSERT INTO search_words (hash, word, short)
SELECT u.hash, u.word, u.short::text[]
FROM unnest($1::integer[], $2::text[], $3::text[]) WITH ORDINALITY AS u (hash, word, short, number)
WHERE NOT EXISTS (
    SELECT FROM search_words AS known
    WHERE known.hash = u.hash AND hashtextextended(known.word, 0) = hashtextextended(u.word, 0))
ORDER BY u.number
ON CONFLICT DO NOTHING";

async fn add_words(tables: &mut PgConnection, words: &[&str]) -> sqlx::Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    sqlx::query(ADD_WORDS)
        .bind(words.iter().map(|word| hash(word)).collect::<Vec<_>>())
        .bind(words)
        .bind(words.iter().map(|word| array(short_words(word))).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}
