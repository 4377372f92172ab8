//! Words to search for, and how each finds its rows.

use sqlx::{Postgres, QueryBuilder};
use unicode_normalization::UnicodeNormalization;

/// Words beyond this many are refused.
const MAX_WORDS: usize = 10;
/// Longest query in bytes.
const MAX_BYTES: usize = 1_000;

/// Why a search cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSearch {
    /// Nothing to look for.
    #[error("must contain a letter or a digit")]
    Nothing,
    /// Too many words, or too long.
    #[error("must have at most 10 words and 1000 bytes")]
    TooLong,
}

/// The words of a query: a task matches when each occurs in its title, its description or one of its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Takes a query apart at white space; what holds no letter or digit is left out.
    pub fn parse(text: &str) -> Result<Self, InvalidSearch> {
        let searchable = text.nfc().collect::<String>().to_lowercase();
        let words: Vec<String> = searchable
            .split_whitespace()
            .filter(|word| word.contains(char::is_alphanumeric))
            .map(str::to_owned)
            .collect();
        if words.is_empty() {
            return Err(InvalidSearch::Nothing);
        }
        if words.len() > MAX_WORDS || searchable.len() > MAX_BYTES {
            return Err(InvalidSearch::TooLong);
        }
        Ok(Self(words))
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one condition a word on `t`, a row of `read_model.tasks`.
    pub(super) fn push(&self, sql: &mut QueryBuilder<'_, Postgres>) {
        for word in &self.0 {
            sql.push(" AND t.id IN (SELECT s.task_id FROM read_model.task_search s WHERE ");
            push_word(sql, word);
            sql.push(")");
        }
    }
}

/// A trigram index finds runs of three letters; shorter runs are found as the exact short words they are.
fn push_word(sql: &mut QueryBuilder<'_, Postgres>, word: &str) {
    let runs = || word.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
    let indexed = runs().any(|run| run.chars().nth(2).is_some());
    let whole = word.chars().all(char::is_alphanumeric);
    if !indexed {
        let short: Vec<String> = runs().map(str::to_owned).collect();
        sql.push("s.short @> ").push_bind(short);
    }
    if indexed || !whole {
        sql.push(if indexed { "" } else { " AND " });
        sql.push("s.text LIKE ").push_bind(format!("%{}%", escaped(word)));
    }
}

/// The text without the wildcards of LIKE.
pub(super) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(word: &str) -> String {
        let mut sql = QueryBuilder::new("");
        push_word(&mut sql, word);
        sql.into_sql()
    }

    #[test]
    fn wildcards_are_plain_characters() {
        assert_eq!(escaped(r"50%_\"), r"50\%\_\\");
        assert_eq!(Words::parse("%_%_%  ' --"), Err(InvalidSearch::Nothing));
    }

    #[test]
    fn every_word_has_an_index_to_go_by() {
        assert_eq!(sql("회의"), "s.short @> $1");
        assert_eq!(sql("회의록"), "s.text LIKE $1");
        assert_eq!(sql("re-index"), "s.text LIKE $1");
        assert_eq!(sql("a-b"), "s.short @> $1 AND s.text LIKE $2");
    }

    #[test]
    fn queries_are_bounded() {
        assert_eq!(Words::parse(&"a ".repeat(11)), Err(InvalidSearch::TooLong));
        assert_eq!(Words::parse(&"a".repeat(1_001)), Err(InvalidSearch::TooLong));
        assert_eq!(Words::parse(" Ünï  x"), Ok(Words(vec!["ünï".into(), "x".into()])));
    }
}
