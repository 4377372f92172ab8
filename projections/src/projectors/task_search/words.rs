//! How text is made searchable.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// The form in which texts and queries are compared: composed, lower case.
pub fn searchable(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfc().collect::<String>().to_lowercase() }
}

/// What a trigram index is blind to in a searchable text, each once.
///
/// A trigram needs three characters, but most Korean words have two syllables and many have one, and particles stick to
/// them. So words that are not plain ASCII give each character and each pair of neighbours; plain words of one or two
/// letters (`ui`, `qa`) give themselves. A query of one or two characters is then one exact look-up.
pub fn short_words(searchable: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for word in searchable.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !word.is_ascii() {
            found.extend(runs(word, 1));
            found.extend(runs(word, 2));
        } else if word.len() <= 2 {
            found.insert(word);
        }
    }
    found
}

/// Every run of `length` neighbouring characters.
fn runs(word: &str, length: usize) -> impl Iterator<Item = &str> {
    let starts = word.char_indices().map(|(index, _)| index);
    let ends = word.char_indices().map(|(index, c)| index + c.len_utf8()).skip(length - 1);
    starts.zip(ends).map(|(start, end)| &word[start..end])
}

#[cfg(test)]
mod tests {
    use super::{searchable, short_words};

    fn words(text: &str) -> Vec<String> {
        short_words(&searchable(text)).into_iter().map(Into::into).collect()
    }

    #[test]
    fn korean_words_give_syllables_and_pairs() {
        assert_eq!(words("회의록을"), ["록", "록을", "을", "의", "의록", "회", "회의"]);
        assert_eq!(words("A팀"), ["a", "a팀", "팀"]);
    }

    #[test]
    fn decomposed_hangul_is_the_same_text() {
        assert_eq!(words("\u{1112}\u{116c}의"), words("회의"));
    }

    #[test]
    fn plain_words_give_themselves_when_short() {
        assert_eq!(words("The UI of Q2, a re-run"), ["a", "of", "q2", "re", "ui"]);
        assert!(words("nothing short").is_empty());
    }
}
