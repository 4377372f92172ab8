//! Whom a comment names.
//!
//! A mention is an `@` that begins the text or stands behind something else than a letter, a digit or one of `@ . _ - + /`
//! (so that an address in the text names nobody), followed by one of these, capitals or not:
//!
//! - the id of a user,
//! - the e-mail address of a user,
//! - the whole name of a user, as the profile has it. The longest name that fits is meant. Behind it stands no letter or
//!   digit, unless the name ends with a letter of a script that writes words and particles together (`@김하늘에게`).
//!
//! Where several users bear the name, all of them are meant. What stands in code, between backticks, is no mention.

use std::collections::BTreeSet;

use crate::ids::UserId;

/// No comment names more people than this: what comes after is no mention.
pub const MAX_MENTIONS: usize = 50;

/// Somebody who can be named, in clear.
#[derive(Clone, Debug)]
pub struct Named {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address, if they have one.
    pub email: Option<String>,
}

/// Whom the text names among these.
pub fn mentioned(text: &str, people: &[Named]) -> BTreeSet<UserId> {
    let people: Vec<_> = people.iter().map(Known::of).collect();
    let prose = prose(text).to_lowercase();
    let mut named = BTreeSet::new();
    for behind in signs(&prose).take(MAX_MENTIONS) {
        named.extend(meant(behind, &people));
    }
    named
}

struct Known {
    id: UserId,
    /// In lower case: id, address, name.
    words: [String; 3],
}

impl Known {
    fn of(one: &Named) -> Self {
        let email = one.email.as_deref().unwrap_or_default().to_lowercase();
        Self { id: one.id, words: [one.id.to_string(), email, one.name.to_lowercase()] }
    }

    /// The length of what fits best.
    fn fit(&self, behind: &str) -> Option<usize> {
        self.words.iter().filter(|word| begins(behind, word)).map(String::len).max()
    }
}

/// What stands behind each `@` that may name somebody.
fn signs(prose: &str) -> impl Iterator<Item = &str> {
    prose.match_indices('@').filter_map(|(at, _)| {
        let before = prose[..at].chars().next_back();
        let apart = before.is_none_or(|c| !c.is_alphanumeric() && !"@._-+/".contains(c));
        apart.then(|| &prose[at + 1..])
    })
}

fn meant(behind: &str, people: &[Known]) -> Vec<UserId> {
    let fits: Vec<_> = people.iter().filter_map(|one| Some((one.fit(behind)?, one.id))).collect();
    let longest = fits.iter().map(|(length, _)| *length).max();
    fits.into_iter().filter(|(length, _)| Some(*length) == longest).map(|(_, id)| id).collect()
}

fn begins(behind: &str, word: &str) -> bool {
    let Some(rest) = behind.strip_prefix(word).filter(|_| !word.is_empty()) else { return false };
    let joins = word.chars().next_back().is_some_and(runs_on);
    joins || rest.chars().next().is_none_or(|next| !next.is_alphanumeric())
}

/// Hangul, kana and Chinese characters.
fn runs_on(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}')
}

/// The text without code: as many backticks as begin it end it; what does not end is none.
fn prose(text: &str) -> String {
    let mut prose = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find('`') {
        prose.push_str(&rest[..begin]);
        let fence = run(&rest[begin..]);
        let inner = &rest[begin + fence..];
        prose.push(' ');
        rest = end(inner, fence).map_or(inner, |end| &inner[end..]);
    }
    prose.push_str(rest);
    prose
}

fn run(text: &str) -> usize {
    text.bytes().take_while(|b| *b == b'`').count()
}

/// Where the text goes on behind a run of exactly so many.
fn end(inner: &str, fence: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = inner[at..].find('`') {
        let length = run(&inner[at + found..]);
        at += found + length;
        if length == fence {
            return Some(at);
        }
    }
    None
}
