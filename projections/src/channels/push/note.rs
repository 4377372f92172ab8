//! A notice in the words of a note.

use std::collections::BTreeMap;

use super::Note;
use crate::channels::{notice::Told, telling::Telling};

/// Which task, who did what, what changed; for the app ids and kinds.
pub(super) fn compose(told: &Told, position: i64, telling: &Telling) -> Note {
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
    Note {
        id: happening.event.0,
        title: Telling::heading(happening),
        body: body.join("\n"),
        data: BTreeMap::from(data.map(|(name, value)| (name.to_owned(), value))),
    }
}
