//! Breaks between two AsyncAPI documents, and between schemas of events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{Comparison, Way};

/// What was taken away or narrowed. What a reference to another file leads to is compared by itself.
pub(super) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, before, now) in pairs(&old["servers"], &new["servers"]) {
        found.extend(changed(&format!("server {name}"), before, now, &["protocol"]));
    }
    for (name, before, now) in pairs(&old["channels"], &new["channels"]) {
        let place = format!("channel {name}");
        found.extend(changed(&place, before, now, &["address"]));
        for (message, _, now) in pairs(&before["messages"], &now["messages"]) {
            found.extend(now.is_null().then(|| format!("{place}: message {message} is gone")));
        }
    }
    for (name, before, now) in pairs(&old["operations"], &new["operations"]) {
        let place = format!("operation {name}");
        found.extend(changed(&place, before, now, &["action", "channel"]));
        let query = |operation: &Value| operation["bindings"]["http"]["query"].clone();
        let comparison = Comparison::new(old, new, Way::Taken);
        found.extend(comparison.schemas(&query(before), &query(now), &format!("{place} query")));
    }
    for (name, before, now) in pairs(&old["components"]["messages"], &new["components"]["messages"]) {
        let place = format!("message {name}");
        found.extend(changed(&place, before, now, &["contentType"]));
        if !now.is_null() {
            let comparison = Comparison::new(old, new, Way::Given);
            found.extend(comparison.schemas(&before["payload"], &now["payload"], &place));
        }
    }
    found
}

/// The same of the schemas of events, by name.
pub(super) fn schema_breaks(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<String> {
    let of = |(name, old): (&String, &Value)| match new.get(name) {
        Some(new) => Comparison::new(old, new, Way::Given).schemas(old, new, name),
        None => vec![format!("{name}: is gone")],
    };
    old.iter().flat_map(of).collect()
}

/// Members of the older object beside those of the newer one; null where there is none.
fn pairs<'a>(old: &'a Value, new: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value, &'a Value)> {
    old.as_object().into_iter().flatten().map(|(name, before)| (name, before, &new[name]))
}

/// It is gone, or these members of it are not what they were.
fn changed(place: &str, before: &Value, now: &Value, members: &[&str]) -> Vec<String> {
    if now.is_null() {
        return vec![format!("{place}: is gone")];
    }
    let differ = members.iter().filter(|member| before[**member] != now[**member]);
    differ.map(|member| format!("{place}: {member} is not {} any more", before[*member])).collect()
}
