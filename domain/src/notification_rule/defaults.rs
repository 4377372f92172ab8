//! The rules that hold until somebody replaces them.

use super::{
    RuleDefinition,
    values::{Audience, Group, GroupSet, RuleName, Template, Trigger},
};
use crate::{
    notification::{Category, ChannelSet},
    policy::{Role, RoleSet},
    words::words,
};

words! {
    /// A rule that is there from the beginning.
    DefaultRule {
        /// Whoever is assigned or unassigned learns so.
        Assigned = "assigned",
        /// Creator, assignees and watchers learn of a new status.
        StatusChanged = "status_changed",
        /// They learn of comments.
        Commented = "commented",
        /// Whoever is named in a comment learns so.
        Mentioned = "mentioned",
        /// Assignees and watchers are reminded a day before.
        DueSoon = "due_soon",
        /// Creator and assignees learn what is late.
        Overdue = "overdue",
        /// Managers learn what has been late for long.
        Escalated = "escalated",
        /// The creator learns that nothing blocks a task any more.
        Unblocked = "unblocked",
        /// Creator, assignees and watchers learn that there is more to do.
        Reopened = "reopened",
    }
}

const CONCERNED: &[Group] = &[Group::Assignees, Group::Watchers, Group::Creator];

impl DefaultRule {
    /// What it says.
    pub fn definition(self) -> RuleDefinition {
        let (name, category, template) = self.about();
        RuleDefinition {
            name: RuleName::known(name),
            category,
            event_types: self.triggers().iter().map(|trigger| Trigger::known(trigger)).collect(),
            filter: None,
            audience: Audience {
                groups: GroupSet::of(self.groups()),
                roles: self.roles(),
                users: Vec::new(),
            },
            channels: ChannelSet::ALL,
            template,
            enabled: true,
            replaces: Some(self),
        }
    }

    fn about(self) -> (&'static str, Category, Template) {
        match self {
            Self::Assigned => ("Assigned", Category::Assignment, Template::Assignment),
            Self::StatusChanged => ("Status changed", Category::Status, Template::Status),
            Self::Commented => ("Commented", Category::Comment, Template::Comment),
            Self::Mentioned => ("Mentioned", Category::Mention, Template::Mention),
            Self::DueSoon => ("Due soon", Category::Due, Template::DueSoon),
            Self::Overdue => ("Overdue", Category::Due, Template::Overdue),
            Self::Escalated => ("Escalated", Category::Due, Template::Escalated),
            Self::Unblocked => ("Unblocked", Category::Status, Template::Unblocked),
            Self::Reopened => ("Reopened", Category::Status, Template::Reopened),
        }
    }

    fn triggers(self) -> &'static [&'static str] {
        match self {
            Self::Assigned => &["task.created", "task.assigned", "task.unassigned"],
            Self::StatusChanged => {
                &["task.started", "task.held", "task.resumed", "task.completed", "task.cancelled"]
            }
            Self::Commented | Self::Mentioned => &["task.commented"],
            Self::DueSoon => &["reminder.due_soon"],
            Self::Overdue => &["reminder.overdue"],
            Self::Escalated => &["reminder.escalated"],
            Self::Unblocked => &["reminder.unblocked"],
            Self::Reopened => &["task.reopened"],
        }
    }

    fn groups(self) -> &'static [Group] {
        match self {
            Self::Assigned => &[Group::Subject],
            Self::StatusChanged | Self::Commented | Self::Reopened => CONCERNED,
            Self::Mentioned => &[Group::Mentioned],
            Self::DueSoon => &[Group::Assignees, Group::Watchers],
            Self::Overdue => &[Group::Assignees, Group::Creator],
            Self::Escalated => &[],
            Self::Unblocked => &[Group::Creator],
        }
    }

    fn roles(self) -> RoleSet {
        match self {
            Self::Escalated => RoleSet::of(&[Role::Manager]),
            Self::Assigned
            | Self::StatusChanged
            | Self::Commented
            | Self::Mentioned
            | Self::DueSoon
            | Self::Overdue
            | Self::Unblocked
            | Self::Reopened => RoleSet::EMPTY,
        }
    }
}
