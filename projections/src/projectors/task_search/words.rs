//! How text is made searchable.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use crate::fingerprint::fnv1a;

/// The form in which texts and queries are compared: composed, lower case.
pub fn searchable(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfc().collect::<String>().to_lowercase() }
}

/// The words of a searchable text: its runs of letters and digits.
pub fn words(searchable: &str) -> impl Iterator<Item = &str> {
    searchable.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// By what an index of texts knows a word.
pub fn hash(word: &str) -> i32 {
    let hash = fnv1a(word.as_bytes());
    ((hash >> 32) ^ hash) as u32 as i32
}

/// What a trigram index is blind to in a word, each once.
///
/// A trigram needs three characters, but most Korean words have two syllables and many have one, and particles stick to
/// them. So words that are not plain ASCII give each character and each pair of neighbours; plain words of one or two
/// letters (`ui`, `qa`) give themselves. A query of one or two characters is then one exact look-up.
pub fn short_words(word: &str) -> BTreeSet<&str> {
    if !word.is_ascii() {
        runs(word, 1).chain(runs(word, 2)).collect()
    } else if word.len() <= 2 {
        BTreeSet::from([word])
    } else {
        BTreeSet::new()
    }
}

/// Every run of `length` neighbouring characters.
fn runs(word: &str, length: usize) -> impl Iterator<Item = &str> {
    let starts = word.char_indices().map(|(index, _)| index);
    let ends = word.char_indices().map(|(index, c)| index + c.len_utf8()).skip(length - 1);
    starts.zip(ends).map(|(start, end)| &word[start..end])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{hash, searchable, short_words, words};

    fn short(text: &str) -> Vec<String> {
        let text = searchable(text);
        words(&text).flat_map(short_words).collect::<BTreeSet<_>>().into_iter().map(Into::into).collect()
    }

    #[test]
    fn texts_are_taken_apart_at_what_is_neither_letter_nor_digit() {
        let text = searchable("The UI, the 회의록: a re-run of 50%_off!");
        let expected = ["the", "ui", "the", "회의록", "a", "re", "run", "of", "50", "off"];
        assert_eq!(words(&text).collect::<Vec<_>>(), expected);
        assert_eq!(words(" -- ").next(), None);
    }

    #[test]
    fn hashes_stay_the_same_for_ever() {
        assert_eq!((hash("pump"), hash("회의록")), (1_261_518_373, -1_839_811_573));
    }

    #[test]
    fn korean_words_give_syllables_and_pairs() {
        assert_eq!(short("회의록을"), ["록", "록을", "을", "의", "의록", "회", "회의"]);
        assert_eq!(short("A팀"), ["a", "a팀", "팀"]);
    }

    #[test]
    fn decomposed_hangul_is_the_same_text() {
        assert_eq!(short("\u{1112}\u{116c}의"), short("회의"));
    }

    #[test]
    fn plain_words_give_themselves_when_short() {
        assert_eq!(short("The UI of Q2, a re-run"), ["a", "of", "q2", "re", "ui"]);
        assert!(short("nothing short").is_empty());
    }
}
