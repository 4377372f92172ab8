//! What a rule is made of. `parse` checks what people send; deserialising trusts the log.

use serde::{Deserialize, Serialize};

use crate::{
    event::EventPattern,
    ids::UserId,
    policy::RoleSet,
    text::{one_line, text},
    violation::Violation,
    words::{word_set, words},
};

/// Triggers of a rule at most.
pub const MAX_TRIGGERS: usize = 20;
/// Users that a rule or an announcement names at most.
pub const MAX_USERS: usize = 50;

text!(
    /// What a rule is called: one line, 1 to 100 characters.
    RuleName
);

impl RuleName {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 100).map(|text| Self(text.into()))
    }

    pub(super) fn known(name: &'static str) -> Self {
        Self(name.into())
    }
}

words! {
    /// What a rule can go by that is no event: the clock, or what has become of other tasks.
    Reminder {
        /// A task is due within a day.
        DueSoon = "reminder.due_soon",
        /// A task is overdue.
        Overdue = "reminder.overdue",
        /// A task has been overdue for long.
        Escalated = "reminder.escalated",
        /// The last open task that blocked a task is not open any more.
        Unblocked = "reminder.unblocked",
    }
}

text!(
    /// What a rule goes by: events of this type, `task.assigned` or `task.*`, or a [`Reminder`].
    Trigger
);

impl Trigger {
    /// Checks that there is such a thing.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        if text.parse::<Reminder>().is_err() {
            EventPattern::parse(text)?;
        }
        Ok(Self(text.into()))
    }

    pub(super) fn known(name: &'static str) -> Self {
        Self(name.into())
    }

    /// Whether this type of event, or this reminder, is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => &*self.0 == name,
        }
    }
}

words! {
    /// People by what they are to the task.
    Group {
        /// Those assigned.
        Assignees = "assignees",
        /// Those who watch.
        Watchers = "watchers",
        /// Who created it.
        Creator = "creator",
        /// Whom the comment names.
        Mentioned = "mentioned",
        /// Whom the event assigned or unassigned.
        Subject = "subject",
    }
}

word_set! {
    /// Groups; on the wire a list of words in the order of [`Group::ALL`].
    GroupSet of Group
}

words! {
    /// Which words a notice is put in.
    Template {
        /// Somebody was assigned or unassigned.
        Assignment = "assignment",
        /// The status changed.
        Status = "status",
        /// Reopened.
        Reopened = "reopened",
        /// A comment.
        Comment = "comment",
        /// A comment that names one.
        Mention = "mention",
        /// Due within a day.
        DueSoon = "due_soon",
        /// Overdue.
        Overdue = "overdue",
        /// Overdue for long.
        Escalated = "escalated",
        /// Nothing blocks the task any more.
        Unblocked = "unblocked",
        /// What changed, field by field.
        Change = "change",
    }
}

/// Who is told; nobody twice, and nobody of their own acts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Audience {
    /// By what they are to the task.
    pub groups: GroupSet,
    /// Whoever holds any of these roles.
    pub roles: RoleSet,
    /// These, each once.
    pub users: Vec<UserId>,
}

impl Audience {
    /// Whether nobody at all is meant.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.roles.is_empty() && self.users.is_empty()
    }
}
