//! Records as rows of a table: each member has a column.

use std::borrow::Cow;

use serde_json::Value;

/// The columns, and where in a record each is.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("position", "/position"),
    ("event_id", "/event_id"),
    ("occurred_at", "/occurred_at"),
    ("recorded_at", "/recorded_at"),
    ("action", "/action"),
    ("crud", "/crud"),
    ("outcome", "/outcome"),
    ("status", "/status"),
    ("code", "/code"),
    ("actor_type", "/actor/type"),
    ("actor_id", "/actor/id"),
    ("actor_name", "/actor/name"),
    ("actor_roles", "/actor/roles"),
    ("on_behalf_of_id", "/on_behalf_of/id"),
    ("on_behalf_of_name", "/on_behalf_of/name"),
    ("session", "/session"),
    ("auth_method", "/auth/method"),
    ("auth_amr", "/auth/amr"),
    ("auth_key_id", "/auth/key_id"),
    ("ip", "/source/ip"),
    ("ip_chain", "/source/ip_chain"),
    ("user_agent", "/source/user_agent"),
    ("transport", "/source/transport"),
    ("request_id", "/request_id"),
    ("correlation_id", "/correlation_id"),
    ("causation_id", "/causation_id"),
    ("trace_id", "/trace_id"),
    ("method", "/method"),
    ("route", "/route"),
    ("key_hash", "/key_hash"),
    ("query", "/query"),
    ("target_type", "/target/type"),
    ("target_id", "/target/id"),
    ("target_key", "/target/key"),
    ("aggregate_type", "/aggregate/type"),
    ("aggregate_id", "/aggregate/id"),
    ("aggregate_version", "/aggregate/version"),
    ("changes", "/changes"),
    ("reason", "/reason"),
    ("node", "/node"),
    ("app_version", "/app_version"),
    ("count", "/count"),
    ("seal_log", "/seal/log"),
    ("seal_number", "/seal/number"),
    ("seal_position", "/seal/position"),
];

/// The names of the columns.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name)
}

/// A text for each column; of a list of words the words, of changes their JSON.
pub(super) fn cells(record: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    COLUMNS.iter().map(|(_, pointer)| record.pointer(pointer).map_or(Cow::default(), cell))
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::default(),
        Value::String(text) => text.into(),
        Value::Array(items) => match items.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(words) => words.join(" ").into(),
            None => value.to_string().into(),
        },
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_say_what_a_record_says() {
        let changes = json!([{"field": "title", "old": null, "new": "x"}]);
        let record = json!({
            "id": "e7", "position": 7, "code": null, "actor": {"roles": ["member", "admin"]}, "on_behalf_of": null,
            "source": {"ip": "10.0.0.7", "ip_chain": []}, "changes": changes,
        });
        let row: Vec<_> = names().zip(cells(&record)).filter(|(_, cell)| !cell.is_empty()).collect();
        let changes = changes.to_string();
        let expected = [
            ("id", "e7"),
            ("position", "7"),
            ("actor_roles", "member admin"),
            ("ip", "10.0.0.7"),
            ("changes", &changes),
        ];
        assert_eq!(row, expected.map(|(name, text)| (name, text.into())));
    }
}
