//! What mails say, a file for each language.

pub(super) mod en;
pub(super) mod ko;
