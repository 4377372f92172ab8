//! What actions are called, and what that says of them.

use domain::{filter::Crud, upcasters::known_types};

/// Whether an event creates, changes or removes: its last word says so.
pub(super) fn crud_of_event(event_type: &str) -> Crud {
    let verb = event_type.rsplit(['.', '_']).next().unwrap_or_default();
    if CREATES.contains(&verb) {
        Crud::Create
    } else if DELETES.contains(&verb) {
        Crud::Delete
    } else {
        Crud::Update
    }
}

/// The events that do so.
pub(super) fn events_of_crud(crud: Crud) -> Vec<String> {
    known_types().filter(|name| crud_of_event(name) == crud).map(ToOwned::to_owned).collect()
}

const CREATES: &[&str] = &[
    "created",
    "registered",
    "invited",
    "imported",
    "drafted",
    "commented",
    "added",
    "linked",
    "requested",
    "granted",
];
const DELETES: &[&str] = &["deleted", "removed", "revoked", "unlinked", "erased", "discarded"];

/// The same in SQL.
pub(super) fn crud_sql_of_events() -> String {
    format!(
        "CASE WHEN r.action ~ '[._]({})$' THEN 'create' WHEN r.action ~ '[._]({})$' THEN 'delete' ELSE 'update' END",
        CREATES.join("|"),
        DELETES.join("|")
    )
}

/// Whether an attempt would have created, changed or removed, or was to read: its method says so.
pub(super) fn crud_of_attempt(method: Option<&str>) -> Crud {
    match method {
        Some("GET" | "HEAD") => Crud::Read,
        Some("POST") => Crud::Create,
        Some("DELETE") => Crud::Delete,
        _ => Crud::Update,
    }
}

/// The same in SQL.
pub(super) const CRUD_OF_ATTEMPTS: &str = "CASE WHEN r.method IN ('GET', 'HEAD') THEN 'read' WHEN r.method = 'POST' THEN 'create' \
     WHEN r.method = 'DELETE' THEN 'delete' ELSE 'update' END";

/// What happens to most tasks: `audit_events_by_action` leaves it out, since of what is frequent there is always some near
/// the end of a list.
pub(super) const EVERYDAY: [&str; 5] =
    ["task.created", "task.assigned", "task.started", "task.completed", "task.commented"];

/// The events that set or change a field of a task or a user; none if there is no such field.
pub(super) fn events_of_field(field: &str) -> Option<&'static [&'static str]> {
    let field = field.split('/').next().unwrap_or_default();
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, events)| *events)
}

/// Whether there is such a field of tasks or users.
pub fn is_field(field: &str) -> bool {
    events_of_field(field).is_some()
}

/// By the names that changes have in records; of `comments/<id>` the first part.
pub(super) const FIELDS: &[(&str, &[&str])] = &[
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
    use domain::upcasters;

    use super::*;

    #[test]
    fn the_index_leaves_out_what_is_everyday() {
        let tables = include_str!("../../../../migrations/read_model/tables/audit.sql");
        assert!(tables.contains(&format!("WHERE action NOT IN ('{}')", EVERYDAY.join("', '"))));
        // Those that remove something are looked for in it.
        assert!(EVERYDAY.iter().all(|action| crud_of_event(action) != Crud::Delete));
        assert!(events_of_crud(Crud::Delete).contains(&"task.deleted".to_owned()));
    }

    #[test]
    fn last_words_tell_what_events_do() {
        for (event, crud) in [
            ("task.created", Crud::Create),
            ("user.service_account_created", Crud::Create),
            ("task.label_removed", Crud::Delete),
            ("user.role_revoked", Crud::Delete),
            ("task.title_changed", Crud::Update),
            ("task.undeleted", Crud::Update),
            ("user.unverified", Crud::Update),
        ] {
            assert_eq!(crud_of_event(event), crud, "{event}");
        }
    }

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
