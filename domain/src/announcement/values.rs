//! What an announcement is made of. `parse` checks what people send; deserialising trusts the log.

use serde::{Deserialize, Serialize};

use crate::{
    ids::UserId,
    policy::RoleSet,
    text::{is_blank, many_lines, one_line, text},
    violation::Violation,
    words::words,
};

/// Users that an announcement names at most.
pub const MAX_USERS: usize = 500;

words! {
    /// Where an announcement stands.
    #[derive(Default)]
    AnnouncementState {
        /// May still be changed.
        #[default]
        Draft = "draft",
        /// Will be sent at its time.
        Scheduled = "scheduled",
        /// On its way.
        Sent = "sent",
        /// Will not be sent.
        Cancelled = "cancelled",
    }
}

text!(
    /// An announcement's title: one line, 1 to 200 characters.
    Headline
);

impl Headline {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 200).map(|text| Self(text.into()))
    }
}

text!(
    /// An announcement in Markdown: at most 64 KiB, never blank.
    Body
);

impl Body {
    /// Normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text = many_lines(text, 64 * 1024)?;
        if is_blank(&text) { Err(Violation::Empty) } else { Ok(Self(text.into())) }
    }
}

/// Who is told: those who are active when it is sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Recipients {
    /// Everybody.
    pub everyone: bool,
    /// Whoever holds any of these roles.
    pub roles: RoleSet,
    /// These, each once.
    pub users: Vec<UserId>,
}

impl Recipients {
    /// Whether nobody at all is meant.
    pub fn is_empty(&self) -> bool {
        !self.everyone && self.roles.is_empty() && self.users.is_empty()
    }
}
