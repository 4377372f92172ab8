//! What people are told, by what ways, and when: words that rules, preferences and deliveries share.

mod clock;
mod mailing;
mod preferences;

pub use clock::{ClockTime, QuietHours};
pub use mailing::Mailing;
pub use preferences::{Mode, Preferences};

use crate::words::{word_set, words};

words! {
    /// What a notice is about. Notices about the security of one's account are in no category: nobody can switch them off.
    Category {
        /// Somebody was assigned or unassigned.
        Assignment = "assignment",
        /// A task moved on.
        Status = "status",
        /// A comment was written.
        Comment = "comment",
        /// One is named in a comment.
        Mention = "mention",
        /// A task is due soon, or overdue.
        Due = "due",
        /// Anything else about a task.
        Change = "change",
        /// Somebody announces something to many.
        Announcement = "announcement",
    }
}

words! {
    /// By what way a notice comes.
    Channel {
        /// A mail.
        Email = "email",
        /// A message to one's devices.
        Push = "push",
        /// A line in the inbox of the product.
        Inbox = "inbox",
    }
}

word_set! {
    /// Ways; on the wire a list of words in the order of [`Channel::ALL`].
    ChannelSet of Channel
}
