//! Words that need not be looked up: they are in the table, and committed.

use std::{
    collections::HashSet,
    mem,
    sync::{Mutex, PoisonError},
};

/// So many words are kept in mind; then it begins anew.
const MOST: usize = 50_000;
/// Longer ones, in bytes, are looked up each time.
const LONGEST: usize = 48;

/// The words that the batches since a checkpoint have brought or found. That the next batch joins on to the last one proves
/// that those are in the tables still; whoever reads the checkpoint again, since leases or tables were lost, begins empty.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Words>);

#[derive(Debug, Default)]
struct Words {
    committed: HashSet<Box<str>>,
    /// Of the last batch, as long as it may come to nothing.
    pending: Vec<Box<str>>,
}

impl Known {
    /// Begins a batch: which of these words must be looked up. They are there once it is committed; what an earlier one
    /// was to bring and never said to be committed is forgotten.
    pub(super) fn unknown<'a>(&self, words: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown: HashSet<&str> = words.filter(|word| !known.committed.contains(*word)).collect();
        known.pending =
            unknown.iter().filter(|word| word.len() <= LONGEST).map(|word| (*word).into()).collect();
        unknown
    }

    /// The last batch is there to stay.
    pub(super) fn committed(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = mem::take(&mut known.pending);
        if known.committed.len() + pending.len() > MOST {
            known.committed.clear();
        }
        known.committed.extend(pending);
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, MOST};

    fn unknown(known: &Known, words: &[&'static str]) -> Vec<&'static str> {
        let mut unknown: Vec<_> = known.unknown(words.iter().copied()).into_iter().collect();
        unknown.sort_unstable();
        unknown
    }

    #[test]
    fn only_what_is_committed_is_known() {
        let known = Known::default();
        assert_eq!(unknown(&known, &["pump", "the"]), ["pump", "the"]);
        // That one failed and is tried again in two parts, in a transaction that nobody tells the end of.
        assert_eq!(unknown(&known, &["pump"]), ["pump"]);
        assert_eq!(unknown(&known, &["the"]), ["the"]);
        assert_eq!(unknown(&known, &["valve"]), ["valve"]);
        known.committed();
        assert_eq!(unknown(&known, &["pump", "the", "valve"]), ["pump", "the"]);
    }

    #[test]
    fn not_more_is_kept_than_there_is_room_for() {
        let known = Known::default();
        let many: Vec<String> = (0..MOST).map(|number| number.to_string()).collect();
        known.unknown(many.iter().map(String::as_str));
        known.committed();
        assert!(unknown(&known, &["0", "7"]).is_empty());
        unknown(&known, &["pump"]);
        known.committed();
        assert_eq!(unknown(&known, &["7", "pump"]), ["7"]);
        let long = "word".repeat(20);
        known.unknown([long.as_str()].into_iter());
        known.committed();
        assert_eq!(known.unknown([long.as_str()].into_iter()).len(), 1);
    }
}
