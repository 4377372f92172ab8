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

/// The condition that `s`, a row of `read_model.task_search`, has the word: by the words of the vocabulary that have its
/// runs of letters and digits, and by the text itself.
///
/// A trigram index finds runs of three characters; where a word has none, its shorter runs are found as the exact short
/// words that they are.
fn push_word(sql: &mut QueryBuilder<'_, Postgres>, word: &str) {
    let runs = runs(word);
    let is_long = |run: &&Run<'_>| run.text.chars().nth(2).is_some();
    let (long, short): (Vec<&Run<'_>>, Vec<&Run<'_>>) = runs.iter().partition(is_long);
    for run in if long.is_empty() { &short } else { &long } {
        sql.push("s.words && ARRAY(SELECT w.hash FROM read_model.search_words w WHERE ");
        if long.is_empty() {
            sql.push("w.short @> ").push_bind(vec![run.text.to_owned()]);
        } else {
            sql.push("w.word LIKE ").push_bind(run.pattern());
        }
        sql.push(") AND ");
    }
    sql.push("s.text LIKE ").push_bind(format!("%{}%", escaped(word)));
}

/// A run of letters and digits in a word of a query.
struct Run<'w> {
    text: &'w str,
    /// Nothing is before it, so that more letters may be.
    starts: bool,
    /// Nothing is after it, so that more letters may be.
    ends: bool,
}

impl Run<'_> {
    fn pattern(&self) -> String {
        let wildcard = |open: bool| if open { "%" } else { "" };
        format!("{}{}{}", wildcard(self.starts), self.text, wildcard(self.ends))
    }
}

fn runs(word: &str) -> Vec<Run<'_>> {
    let parts: Vec<&str> = word.split(|c: char| !c.is_alphanumeric()).collect();
    let last = parts.len() - 1;
    let run = |(index, text)| Run { text, starts: index == 0, ends: index == last };
    parts.into_iter().enumerate().map(run).filter(|run| !run.text.is_empty()).collect()
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
        let by = |condition: &str| {
            format!("s.words && ARRAY(SELECT w.hash FROM read_model.search_words w WHERE {condition}) AND ")
        };
        assert_eq!(sql("회의"), by("w.short @> $1") + "s.text LIKE $2");
        assert_eq!(sql("회의록"), by("w.word LIKE $1") + "s.text LIKE $2");
        assert_eq!(sql("re-index"), by("w.word LIKE $1") + "s.text LIKE $2");
        assert_eq!(sql("a-b"), by("w.short @> $1") + &by("w.short @> $2") + "s.text LIKE $3");
    }

    #[test]
    fn inside_a_word_runs_are_whole() {
        let patterns = |word| runs(word).iter().map(Run::pattern).collect::<Vec<_>>();
        assert_eq!(patterns("pump"), ["%pump%"]);
        assert_eq!(patterns("user.name@host"), ["%user", "name", "host%"]);
        assert_eq!(patterns("(pump)"), ["pump"]);
        assert_eq!(patterns("50%_off"), ["%50", "off%"]);
    }

    #[test]
    fn queries_are_bounded() {
        assert_eq!(Words::parse(&"a ".repeat(11)), Err(InvalidSearch::TooLong));
        assert_eq!(Words::parse(&"a".repeat(1_001)), Err(InvalidSearch::TooLong));
        assert_eq!(Words::parse(" Ünï  x"), Ok(Words(vec!["ünï".into(), "x".into()])));
    }
}
