//! Schemas taken apart into the kinds of values that they admit.

use serde_json::{Map, Value};

/// One kind of value that a schema admits.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// `string`, `object`, `null`; none = any.
    pub(super) kind: Option<String>,
    /// What it was taken from, if that has a name.
    pub(super) reference: Option<String>,
    /// Everything else that is said of it. A reference to another file stays one.
    pub(super) keywords: Map<String, Value>,
}

impl Shape {
    /// Whether what is of this kind is of the other's.
    pub(super) fn is_of_the_kind_of(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(kind), Some(other)) => kind == other || (kind == "integer" && other == "number"),
        }
    }

    /// What meets both.
    fn and(&self, other: &Self) -> Self {
        let mut keywords = self.keywords.clone();
        for (keyword, value) in &other.keywords {
            match (keywords.get_mut(keyword), value) {
                (Some(Value::Array(list)), Value::Array(more)) if keyword == "required" => {
                    list.extend(more.clone())
                }
                (Some(Value::Object(members)), Value::Object(more)) if keyword == "properties" => {
                    let both = more.iter().map(|(name, schema)| match members.get(name) {
                        Some(first) => (name.clone(), serde_json::json!({"allOf": [first, schema]})),
                        None => (name.clone(), schema.clone()),
                    });
                    let both: Vec<_> = both.collect();
                    members.extend(both);
                }
                _ => drop(keywords.insert(keyword.clone(), value.clone())),
            }
        }
        let kind = self.kind.clone().or_else(|| other.kind.clone());
        Self { kind, keywords, reference: self.reference.clone().or_else(|| other.reference.clone()) }
    }
}

/// The shapes of a schema; references that begin with `#` lead into the document.
pub(super) fn shapes(schema: &Value, document: &Value) -> Vec<Shape> {
    let Some(members) = schema.as_object() else { return vec![Shape::default()] };
    let mut found = own(members);
    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
        found = each_with_each(&found, &referred(reference, document));
    }
    for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        found = each_with_each(&found, &shapes(part, document));
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(choices) = members.get(keyword).and_then(Value::as_array) {
            let choices: Vec<_> = choices.iter().flat_map(|choice| shapes(choice, document)).collect();
            found = each_with_each(&found, &choices);
        }
    }
    found
}

/// What a schema says itself, once for each of its types.
fn own(members: &Map<String, Value>) -> Vec<Shape> {
    const TAKEN_APART: [&str; 6] = ["$ref", "allOf", "oneOf", "anyOf", "type", "const"];
    let mut keywords = members.clone();
    keywords.retain(|keyword, _| !TAKEN_APART.contains(&keyword.as_str()));
    if let Some(only) = members.get("const") {
        keywords.insert("enum".to_owned(), Value::Array(vec![only.clone()]));
    }
    let of = |kind: Option<&Value>| Shape {
        kind: kind.and_then(Value::as_str).map(str::to_owned),
        reference: None,
        keywords: keywords.clone(),
    };
    match members.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().map(|kind| of(Some(kind))).collect(),
        kind => vec![of(kind)],
    }
}

fn referred(reference: &str, document: &Value) -> Vec<Shape> {
    let Some(pointer) = reference.strip_prefix('#') else {
        let keywords = Map::from_iter([("$ref".to_owned(), reference.into())]);
        return vec![Shape { keywords, ..Shape::default() }];
    };
    let target = document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
    let mut found = shapes(target, document);
    found.iter_mut().for_each(|shape| shape.reference = Some(reference.to_owned()));
    found
}

fn each_with_each(ones: &[Shape], others: &[Shape]) -> Vec<Shape> {
    ones.iter().flat_map(|one| others.iter().map(|other| one.and(other))).collect()
}
