//! What somebody is told, in the words of a note; for the app ids and kinds.

use std::collections::BTreeMap;

use domain::{alert::Alert, announcement::AnnouncementContent, notification::Category};
use uuid::Uuid;

use super::Note;
use crate::channels::{notice::Told, telling::Telling};

/// Which task, who did what, what changed.
pub(super) fn of_task(told: &Told, position: i64, telling: &Telling) -> Note {
    let Told { category, template, happening } = told;
    let mut body = vec![telling.lead(happening, *template)];
    body.extend(telling.lines(happening));
    body.extend(Telling::quotes(happening).map(str::to_owned));
    let data = [
        ("task_id", happening.task.to_string()),
        ("task_key", happening.key.to_string()),
        ("type", happening.trigger.clone()),
        ("category", category.to_string()),
        ("template", template.to_string()),
        ("position", position.to_string()),
    ];
    note(happening.event.0, Telling::heading(happening), body.join("\n"), data)
}

/// Who announces, and what.
pub(super) fn of_announcement(
    (event, position): (Uuid, i64),
    announcement: Uuid,
    content: &AnnouncementContent,
    lead: &str,
) -> Note {
    let data = [
        ("announcement_id", announcement.to_string()),
        ("type", "announcement.sent".to_owned()),
        ("category", Category::Announcement.to_string()),
        ("template", Category::Announcement.to_string()),
        ("position", position.to_string()),
    ];
    note(event, content.title.to_string(), format!("{lead}\n{}", content.body), data)
}

/// What an admin should look at.
pub(super) fn of_alert(alert: &Alert, position: i64, telling: &Telling) -> Note {
    let (heading, text) = telling.alert(alert);
    let data = [
        ("type", alert.trigger.to_string()),
        ("subject", alert.subject.clone()),
        ("category", "security".to_owned()),
        ("template", "alert".to_owned()),
        ("position", position.to_string()),
    ];
    note(alert.event.0, heading.to_owned(), text, data)
}

fn note<const N: usize>(id: Uuid, title: String, body: String, data: [(&str, String); N]) -> Note {
    Note { id, title, body, data: BTreeMap::from(data.map(|(name, value)| (name.to_owned(), value))) }
}
