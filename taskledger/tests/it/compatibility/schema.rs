//! What an older and a newer schema differ in, as far as it hurts somebody who was written for the older one.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::shape::{Shape, shapes};

/// Who writes what the schemas describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Clients do: what was taken must be taken.
    Taken,
    /// We do: what clients rely on must be there. They were told to pass over members and words that they do not know.
    Given,
}

/// Two schemas of two documents.
#[derive(Clone)]
pub(super) struct Comparison<'a> {
    /// Where references of the older schema lead.
    pub(super) old: &'a Value,
    /// Where those of the newer one do.
    pub(super) new: &'a Value,
    pub(super) way: Way,
    /// References that are being compared further out.
    open: BTreeSet<(String, String)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value, way: Way) -> Self {
        Self { old, new, way, open: BTreeSet::new() }
    }

    /// What hurts, each with its place.
    pub(super) fn schemas(&self, old: &Value, new: &Value, place: &str) -> Vec<String> {
        let (olds, news) = (shapes(old, self.old), shapes(new, self.new));
        match self.way {
            Way::Taken => olds.iter().flat_map(|old| self.best(old, &news, place)).collect(),
            Way::Given => news.iter().flat_map(|new| self.best(new, &olds, place)).collect(),
        }
    }

    /// What is wrong with the best of the shapes that could stand for this one.
    fn best(&self, shape: &Shape, others: &[Shape], place: &str) -> Vec<String> {
        let verdicts = others.iter().filter(|other| shape.is_of_the_kind_of(other));
        let verdicts = verdicts.map(|other| match self.way {
            Way::Taken => self.shapes(shape, other, place),
            Way::Given => self.shapes(other, shape, place),
        });
        let kind = shape.kind.as_deref().unwrap_or("anything");
        verdicts.min_by_key(Vec::len).unwrap_or_else(|| match self.way {
            Way::Taken => vec![format!("{place}: {kind} is not taken any more")],
            Way::Given => vec![format!("{place}: may be {kind} now")],
        })
    }

    fn shapes(&self, old: &Shape, new: &Shape, place: &str) -> Vec<String> {
        let mut inner = self.clone();
        if let (Some(old), Some(new)) = (&old.reference, &new.reference)
            && !inner.open.insert((old.clone(), new.clone()))
        {
            return Vec::new();
        }
        let (old, new) = (&old.keywords, &new.keywords);
        let limits = match self.way {
            Way::Taken => narrowed(old, new),
            Way::Given => weakened(old, new),
        };
        let mut found: Vec<_> = limits.into_iter().map(|what| format!("{place}: {what}")).collect();
        found.extend(inner.members(old, new, place));
        for (keyword, inside) in [("items", "[]"), ("additionalProperties", ".*")] {
            if let (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) =
                (old.get(keyword), new.get(keyword))
            {
                found.extend(inner.schemas(old, new, &format!("{place}{inside}")));
            }
        }
        found
    }

    fn members(&self, old: &Map<String, Value>, new: &Map<String, Value>, place: &str) -> Vec<String> {
        let (before, now) = (words(old.get("required")), words(new.get("required")));
        let mut found: Vec<_> = match self.way {
            Way::Taken => {
                now.difference(&before).map(|name| format!("{place}.{name}: must be there now")).collect()
            }
            Way::Given => {
                before.difference(&now).map(|name| format!("{place}.{name}: may be absent now")).collect()
            }
        };
        let members = new.get("properties").and_then(Value::as_object);
        for (name, old) in old.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let place = format!("{place}.{name}");
            match members.and_then(|members| members.get(name)) {
                Some(new) => found.extend(self.schemas(old, new, &place)),
                None => found.push(format!("{place}: is gone")),
            }
        }
        found
    }
}

fn words(list: Option<&Value>) -> BTreeSet<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What clients could send and can no longer.
fn narrowed(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(Value::Array(taken)) = new.get("enum") {
        match old.get("enum").and_then(Value::as_array) {
            None => found.push(format!("is only one of {} now", Value::Array(taken.clone()))),
            Some(before) => {
                let gone = before.iter().filter(|word| !taken.contains(word));
                found.extend(gone.map(|word| format!("{word} is not taken any more")));
            }
        }
    }
    for keyword in ["format", "pattern"] {
        if let Some(now) = new.get(keyword).filter(|now| old.get(keyword) != Some(now)) {
            found.push(format!("{keyword} is {now} now"));
        }
    }
    for (keyword, is_upper) in LIMITS {
        let (before, now) = (number(old, keyword), number(new, keyword));
        if let Some(now) = now
            && before.is_none_or(|before| if *is_upper { now < before } else { now > before })
        {
            found.push(format!("{keyword} is {now} now"));
        }
    }
    if new.get("additionalProperties") == Some(&Value::Bool(false))
        && old.get("additionalProperties").is_some_and(|before| before != &Value::Bool(false))
    {
        found.push("other members are not taken any more".to_owned());
    }
    found
}

/// Each with whether it bounds from above.
const LIMITS: &[(&str, bool)] = &[
    ("maxLength", true),
    ("maximum", true),
    ("exclusiveMaximum", true),
    ("maxItems", true),
    ("maxProperties", true),
    ("minLength", false),
    ("minimum", false),
    ("exclusiveMinimum", false),
    ("minItems", false),
    ("minProperties", false),
];

fn number(schema: &Map<String, Value>, keyword: &str) -> Option<f64> {
    schema.get(keyword).and_then(Value::as_f64)
}

/// What clients could rely on and can no longer. Bounds may widen, as words may come.
fn weakened(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for keyword in ["format", "pattern", "$ref"] {
        if let Some(before) = old.get(keyword).filter(|before| new.get(keyword) != Some(before)) {
            found.push(format!("{keyword} is not {before} any more"));
        }
    }
    if let Some([only]) = old.get("enum").and_then(Value::as_array).map(Vec::as_slice)
        && new.get("enum").and_then(Value::as_array).is_none_or(|now| !now.contains(only))
    {
        found.push(format!("is not {only} any more"));
    }
    found
}
