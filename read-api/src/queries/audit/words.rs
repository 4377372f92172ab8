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

/// What is posted and only reads.
const POSTED_READS: [&str; 3] =
    ["events.subscribe", "events.consume", "notifications.dry_run_notification_rule"];

/// Whether an attempt would have created, changed or removed, or was to read: its method says so.
pub(super) fn crud_of_attempt(action: &str, method: Option<&str>) -> Crud {
    match method {
        Some("POST") if POSTED_READS.contains(&action) => Crud::Read,
        Some("GET" | "HEAD") => Crud::Read,
        Some("POST") => Crud::Create,
        Some("DELETE") => Crud::Delete,
        _ => Crud::Update,
    }
}

/// The same in SQL.
pub(super) const CRUD_OF_ATTEMPTS: &str = "CASE WHEN r.method IN ('GET', 'HEAD') \
     OR r.action IN ('events.subscribe', 'events.consume', 'notifications.dry_run_notification_rule') THEN 'read' \
     WHEN r.method = 'POST' THEN 'create' WHEN r.method = 'DELETE' THEN 'delete' ELSE 'update' END";

/// What happens to most tasks: `audit_events_by_action` leaves it out, since of what is frequent there is always some near
/// the end of a list.
pub(super) const EVERYDAY: [&str; 5] =
    ["task.created", "task.assigned", "task.started", "task.completed", "task.commented"];

#[cfg(test)]
mod tests {
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
    fn what_is_posted_and_only_reads_is_a_read() {
        for action in POSTED_READS {
            assert_eq!(crud_of_attempt(action, Some("POST")), Crud::Read);
            assert!(CRUD_OF_ATTEMPTS.contains(&format!("'{action}'")), "{action}");
        }
        assert_eq!(crud_of_attempt("tasks.create", Some("POST")), Crud::Create);
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
}
