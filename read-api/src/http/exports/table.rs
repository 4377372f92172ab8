//! Items of lists as rows of a table: each member has a column.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::model::{AuditRecord, Count, Delivery, RoleHolder, Task, TraceEntry};

/// What a row of a table is made from.
pub(super) trait Row: Serialize {
    /// The columns.
    const COLUMNS: Columns;
}

/// The names of columns, and where in an item the cell of each is.
type Columns = &'static [(&'static str, &'static str)];

impl Row for AuditRecord {
    const COLUMNS: Columns = &[
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
}

impl Row for Count {
    const COLUMNS: Columns = &[("value", "/value"), ("name", "/name"), ("count", "/count")];
}

impl Row for Delivery {
    const COLUMNS: Columns = &[
        ("id", "/id"),
        ("event_id", "/event_id"),
        ("position", "/position"),
        ("channel", "/channel"),
        ("recipient", "/recipient"),
        ("order_key", "/order_key"),
        ("state", "/state"),
        ("reason", "/reason"),
        ("attempts", "/attempts"),
        ("due_time", "/due_time"),
        ("create_time", "/create_time"),
        ("end_time", "/end_time"),
    ];
}

impl Row for RoleHolder {
    const COLUMNS: Columns = &[
        ("user_id", "/user/id"),
        ("user_name", "/user/name"),
        ("since", "/since"),
        ("position", "/position"),
        ("given_by_id", "/given_by/id"),
        ("given_by_name", "/given_by/name"),
    ];
}

impl Row for TraceEntry {
    const COLUMNS: Columns = &[
        ("position", "/position"),
        ("id", "/id"),
        ("type", "/type"),
        ("aggregate_type", "/aggregate/type"),
        ("aggregate_id", "/aggregate/id"),
        ("aggregate_version", "/aggregate/version"),
        ("occurred_at", "/occurred_at"),
        ("recorded_at", "/recorded_at"),
        ("actor_type", "/actor/type"),
        ("actor_id", "/actor/id"),
        ("actor_name", "/actor/name"),
        ("request_id", "/request_id"),
        ("correlation_id", "/correlation_id"),
        ("causation_id", "/causation_id"),
        ("parent", "/parent"),
        ("depth", "/depth"),
        ("session_id", "/session_id"),
        ("deliveries", "/deliveries"),
        ("delivery_count", "/delivery_count"),
    ];
}

impl Row for Task {
    const COLUMNS: Columns = &[
        ("id", "/id"),
        ("key", "/key"),
        ("version", "/version"),
        ("title", "/title"),
        ("description", "/description"),
        ("status", "/status"),
        ("allowed", "/allowed"),
        ("priority", "/priority"),
        ("due_date", "/due/date"),
        ("due_at", "/due/at"),
        ("due_zone", "/due/zone"),
        ("labels", "/labels"),
        ("assignees", "/assignees"),
        ("watchers", "/watchers"),
        ("creator_id", "/creator/id"),
        ("creator_name", "/creator/name"),
        ("parent", "/parent"),
        ("relations", "/relations"),
        ("checklist", "/checklist"),
        ("progress", "/progress"),
        ("external_system", "/external_ref/system"),
        ("external_id", "/external_ref/id"),
        ("visibility", "/visibility"),
        ("comment_count", "/comment_count"),
        ("create_time", "/create_time"),
        ("update_time", "/update_time"),
        ("delete_time", "/delete_time"),
        ("purge_time", "/purge_time"),
    ];
}

/// The names of the columns.
pub(super) fn names<R: Row>() -> impl Iterator<Item = &'static str> {
    R::COLUMNS.iter().map(|(name, _)| *name)
}

/// A text for each column; of a list of words the words, of changes and the like their JSON.
pub(super) fn cells<R: Row>(item: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    R::COLUMNS.iter().map(|(_, pointer)| item.pointer(pointer).map_or(Cow::default(), cell))
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::default(),
        Value::String(text) => text.into(),
        Value::Array(items) => match items.iter().map(Value::as_str).collect::<Option<Vec<_>>>() {
            Some(words) if words.iter().all(|word| !word.contains(' ')) => words.join(" ").into(),
            _ => value.to_string().into(),
        },
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::export::ExportKind;
    use serde_json::json;
    use utoipa::ToSchema;

    use super::*;

    /// The members that have none themselves, each by its pointer; of lists it is not said what is in them.
    fn leaves(document: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            return leaves(document, document.pointer(&name[1..]).unwrap(), at, found);
        }
        let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[name].as_array()).flatten();
        parts.clone().for_each(|part| leaves(document, part, at, found));
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            leaves(document, member, &format!("{at}/{name}"), found);
        }
        if parts.count() == 0 && schema["properties"].is_null() && schema["type"] != "null" {
            found.insert(at.to_owned());
        }
    }

    /// Members without a column and columns without a member; a column may hold a member with all that it has.
    fn misfits<R: Row + ToSchema>() -> Vec<String> {
        let document = serde_json::to_value(crate::http::openapi()).unwrap();
        let mut members = BTreeSet::new();
        let item = json!({"$ref": format!("#/components/schemas/{}", R::name())});
        leaves(&document, &item, "", &mut members);
        let is_in = |member: &str, column: &str| {
            member.strip_prefix(column).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let lost = members.iter().filter(|member| !R::COLUMNS.iter().any(|(_, at)| is_in(member, at)));
        let empty =
            R::COLUMNS.iter().map(|(_, at)| *at).filter(|at| !members.iter().any(|one| is_in(one, at)));
        lost.map(String::as_str).chain(empty).map(str::to_owned).collect()
    }

    #[test]
    fn what_an_item_says_has_a_column() {
        for kind in ExportKind::ALL {
            let misfits = match kind {
                // What was sealed is projections' to write.
                ExportKind::Events | ExportKind::AuditRecords => continue,
                ExportKind::Records => misfits::<AuditRecord>(),
                ExportKind::Counts => misfits::<Count>(),
                ExportKind::Deliveries => misfits::<Delivery>(),
                ExportKind::RoleHolders => misfits::<RoleHolder>(),
                ExportKind::Trace => misfits::<TraceEntry>(),
                ExportKind::Tasks => misfits::<Task>(),
            };
            assert_eq!(misfits, [""; 0], "{kind}");
        }
    }

    #[test]
    fn cells_say_what_a_record_says() {
        let changes = json!([{"field": "title", "old": null, "new": "x"}]);
        let record = json!({
            "id": "e7", "position": 7, "code": null, "actor": {"roles": ["member", "admin"]}, "on_behalf_of": null,
            "source": {"ip": "10.0.0.7", "ip_chain": []}, "changes": changes,
        });
        let row: Vec<_> = names::<AuditRecord>()
            .zip(cells::<AuditRecord>(&record))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        let changes = changes.to_string();
        let expected = [
            ("id", "e7"),
            ("position", "7"),
            ("actor_roles", "member admin"),
            ("ip", "10.0.0.7"),
            ("changes", &changes),
        ];
        assert_eq!(row, expected.map(|(name, text)| (name, text.into())));
        assert_eq!(cell(&json!(["roof", "to do"])), "[\"roof\",\"to do\"]");
    }
}
