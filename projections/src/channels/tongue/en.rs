//! English.

use chrono::NaiveDate;
use domain::{alert::AlertKind, notification::Category, notification_rule::values::Template};

use super::{Alerting, Lead, Tongue};

pub(super) struct English;

impl Tongue for English {
    fn code(&self) -> &'static str {
        "en"
    }

    fn hello(&self, name: &str) -> String {
        format!("Hello {name},")
    }

    fn lead(&self, lead: &Lead<'_>) -> String {
        let Lead { who, trigger, template, you } = *lead;
        let did = match trigger {
            "task.commented" if template == Template::Mention => "mentioned you in a comment.",
            "task.created" if you => "created this task and assigned it to you.",
            "task.created" => "created this task.",
            "task.assigned" if you => "assigned this task to you.",
            "task.assigned" => "assigned this task.",
            "task.unassigned" if you => "took you off this task.",
            "task.unassigned" => "took somebody off this task.",
            "task.started" => "started work on this task.",
            "task.held" => "put this task on hold.",
            "task.resumed" => "resumed work on this task.",
            "task.completed" => "completed this task.",
            "task.cancelled" => "cancelled this task.",
            "task.reopened" => "reopened this task.",
            "task.commented" => "commented on this task.",
            "task.comment_edited" => "edited a comment.",
            "task.comment_deleted" => "deleted a comment.",
            "task.deleted" => "deleted this task.",
            "task.undeleted" => "brought this task back.",
            "task.rolled_back" => "set this task back to an earlier version.",
            "reminder.due_soon" => return "This task is due within a day.".to_owned(),
            "reminder.overdue" => return "This task is overdue.".to_owned(),
            "reminder.escalated" => return "This task has been overdue for long.".to_owned(),
            "reminder.unblocked" => return "Nothing blocks this task any more.".to_owned(),
            _ => "changed this task.",
        };
        format!("{who} {did}")
    }

    fn alert(&self, alert: &Alerting<'_>) -> (&'static str, String) {
        let Alerting { kind, subject, actor, count } = *alert;
        match kind {
            AlertKind::FailedLogins => (
                "Many wrong passwords",
                format!(
                    "In ten minutes wrong passwords were tried for accounts, or accounts locked, {count} times."
                ),
            ),
            AlertKind::RoleGranted => {
                ("A role was granted", format!("{actor} has granted {subject} a role."))
            }
            AlertKind::MassDeletion => {
                ("Many tasks were deleted", format!("{subject} has deleted {count} tasks in ten minutes."))
            }
            AlertKind::TokenReused => (
                "A session was in two hands",
                format!("A session of {subject} was used from two places; it was ended."),
            ),
            AlertKind::ProjectionBehind => (
                "What people read is behind",
                format!("{subject} is far behind, or stands still. Events yet to be taken in: {count}."),
            ),
        }
    }

    fn announces(&self, who: &str) -> String {
        format!("{who} announces:")
    }

    fn field<'a>(&self, field: &'a str) -> &'a str {
        match field {
            "title" => "Title",
            "description" => "Description",
            "priority" => "Priority",
            "due" => "Due",
            "labels" => "Label",
            "parent" => "Part of",
            "external_ref" => "Name elsewhere",
            "visibility" => "Visible to",
            "status" => "Status",
            "progress" => "Progress",
            "assignees" => "Assignee",
            "watchers" => "Watcher",
            "checklist" => "Checklist",
            "relations" => "Relation",
            "deleted" => "Deleted",
            "rolled_back_to" => "Back to version",
            other => other,
        }
    }

    fn word<'a>(&self, word: &'a str) -> &'a str {
        match word {
            "in_progress" => "in progress",
            "on_hold" => "on hold",
            "team" => "the team",
            "private" => "those concerned",
            other => other,
        }
    }

    fn yes(&self, yes: bool) -> &'static str {
        if yes { "yes" } else { "no" }
    }

    fn none(&self) -> &'static str {
        "none"
    }

    fn system(&self) -> &'static str {
        "The system"
    }

    fn somebody(&self) -> &'static str {
        "Somebody"
    }

    fn open(&self) -> &'static str {
        "Open the task"
    }

    fn why(&self, category: Category) -> String {
        let about = match category {
            Category::Assignment => "assignments",
            Category::Status => "the status of tasks",
            Category::Comment => "comments",
            Category::Mention => "comments that mention you",
            Category::Due => "due tasks",
            Category::Change => "changes of tasks",
            Category::Announcement => "announcements",
        };
        format!("You get mails about {about}. Get no more of them:")
    }

    fn why_digest(&self) -> &'static str {
        "You get such a mail once a day, if there is news. Get no more of them:"
    }

    fn stop(&self) -> &'static str {
        "No more such mails"
    }

    fn digest_subject(&self, day: NaiveDate) -> String {
        format!("Your tasks, {day}")
    }

    fn digest(&self, tasks: usize) -> String {
        if tasks == 1 {
            "There is news of one task.".to_owned()
        } else {
            format!("There is news of {tasks} tasks.")
        }
    }

    fn more(&self, count: usize) -> String {
        format!("And {count} more.")
    }
}
