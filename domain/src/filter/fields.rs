//! The fields of tasks and users, and what happens to them.

/// The events that set or change a field of a task or a user; none if there is no such field.
pub fn events_of_field(field: &str) -> Option<&'static [&'static str]> {
    let field = field.split('/').next().unwrap_or_default();
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, events)| *events)
}

/// The names of all fields.
pub(super) const NAMES: &[&str] = &{
    let mut names = [""; FIELDS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = FIELDS[index].0;
        index += 1;
    }
    names
};

/// By the names that changes have in records; of `comments/<id>` the first part.
const FIELDS: &[(&str, &[&str])] = &[
    ("key", &["task.created"]),
    ("title", &["task.created", "task.title_changed"]),
    ("description", &["task.created", "task.description_changed"]),
    ("priority", &["task.created", "task.priority_changed"]),
    ("due", &["task.created", "task.due_changed"]),
    ("labels", &["task.created", "task.label_added", "task.label_removed"]),
    ("parent", &["task.created", "task.parent_changed"]),
    ("external_ref", &["task.created", "task.external_ref_changed"]),
    ("visibility", &["task.created", "task.visibility_changed"]),
    (
        "status",
        &["task.started", "task.held", "task.resumed", "task.completed", "task.cancelled", "task.reopened"],
    ),
    ("progress", &["task.progress_changed"]),
    ("rolled_back_to", &["task.rolled_back"]),
    ("deleted", &["task.deleted", "task.undeleted"]),
    ("assignees", &["task.created", "task.assigned", "task.unassigned"]),
    ("watchers", &["task.watched", "task.unwatched"]),
    ("comments", &["task.commented", "task.comment_edited", "task.comment_deleted"]),
    (
        "checklist",
        &[
            "task.checklist_item_added",
            "task.checklist_item_renamed",
            "task.checklist_item_checked",
            "task.checklist_item_unchecked",
            "task.checklist_item_removed",
        ],
    ),
    ("relations", &["task.relation_added", "task.relation_removed"]),
    ("email", &["user.registered", "user.invited"]),
    (
        "name",
        &[
            "user.registered",
            "user.invited",
            "user.imported",
            "user.service_account_created",
            "user.name_changed",
        ],
    ),
    ("locale", &["user.registered", "user.invited", "user.locale_changed"]),
    ("time_zone", &["user.registered", "user.invited", "user.time_zone_changed"]),
    ("roles", &["user.invited", "user.service_account_created", "user.role_granted", "user.role_revoked"]),
    ("verified", &["user.verified"]),
    ("deactivated", &["user.deactivated", "user.reactivated"]),
    ("erased", &["user.erased"]),
    ("totp", &["user.totp_enabled", "user.totp_disabled"]),
    ("api_keys", &["user.api_key_created", "user.api_key_revoked"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upcasters;

    #[test]
    fn fields_are_of_events_that_there_are() {
        let known: Vec<&str> = upcasters::known_types().collect();
        for (field, events) in FIELDS {
            let unknown: Vec<_> = events.iter().filter(|event| !known.contains(event)).collect();
            assert!(unknown.is_empty(), "{field}: {unknown:?}");
        }
        let told = |event: &&&str| FIELDS.iter().any(|(_, events)| events.contains(event));
        let untold: Vec<_> =
            known.iter().filter(|event| event.starts_with("task.")).filter(|event| !told(event)).collect();
        assert!(untold.is_empty(), "{untold:?}");
    }
}
