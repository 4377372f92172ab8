//! Which fields of a message a merge patch has: those that are set, or those that `update_mask` names.

use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};

/// The field with the mask.
pub(super) const UPDATE_MASK: &str = "update_mask";
/// Not a change, and therefore not in the mask.
const BASE_VERSION: &str = "base_version";

/// The paths of the mask, in the order in which they came.
pub(super) fn paths(message: &DynamicMessage) -> Vec<String> {
    let mask = message.get_field_by_name(UPDATE_MASK);
    let paths = mask.as_ref().and_then(|mask| mask.as_message()?.get_field_by_name("paths"));
    let paths = paths.as_ref().and_then(|paths| paths.as_list()).unwrap_or_default();
    paths.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect()
}

/// The members of the patch: what is named and not set is cleared, what is set and not named stays as it is. Else the first
/// path that names no field.
pub(super) fn apply(
    mut members: Map<String, Value>,
    paths: &[String],
    of: &MessageDescriptor,
) -> Result<Map<String, Value>, String> {
    if paths.is_empty() {
        return Ok(members);
    }
    members.retain(|name, _| name == BASE_VERSION || paths.contains(name));
    for path in paths {
        let field =
            of.get_field_by_name(path).filter(|_| !matches!(path.as_str(), UPDATE_MASK | BASE_VERSION));
        let cleared =
            if field.ok_or_else(|| path.clone())?.is_list() { Value::Array(Vec::new()) } else { Value::Null };
        members.entry(path.clone()).or_insert(cleared);
    }
    Ok(members)
}
