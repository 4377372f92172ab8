//! Mails that one can put an end to.

use std::{fmt, str::FromStr};

use super::{Category, Channel, Mode, Preferences};
use crate::violation::Violation;

/// Mails of one kind. On the wire a [`Category`], or `digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailing {
    /// Single mails about this.
    Category(Category),
    /// The daily one.
    Digest,
}

const DIGEST: &str = "digest";

impl fmt::Display for Mailing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Category(category) => category.fmt(f),
            Self::Digest => f.write_str(DIGEST),
        }
    }
}

impl FromStr for Mailing {
    type Err = Violation;

    fn from_str(word: &str) -> Result<Self, Violation> {
        if word == DIGEST { Ok(Self::Digest) } else { word.parse().map(Self::Category) }
    }
}

impl Preferences {
    /// The same wishes, but for these mails, which are not to come any more.
    pub fn without(&self, mailing: Mailing) -> Self {
        let ends = |category: &Category| match mailing {
            Mailing::Category(ended) => ended == *category,
            Mailing::Digest => self.mode(*category, Channel::Email) == Mode::Digest,
        };
        let mut wishes = self.clone();
        for category in Category::ALL.iter().filter(|category| ends(category)) {
            wishes.modes.entry(*category).or_default().insert(Channel::Email, Mode::Off);
        }
        wishes
    }
}
