//! What of a filter only the records themselves can say: which field they changed, from what, to what, and what they mention.
//!
//! All else the database says when it finds a record, once for each part of the filter that asks for nothing else.

use domain::filter::{Condition, Expression, RecordCondition};
use serde_json::Value;

use super::{
    AuditFilter, Source,
    condition::{Judgement, Sql},
    page::RecordRef,
};
use crate::model::{AuditRecord, RecordChange};

impl AuditFilter {
    /// Whether records must be read to know which of them pass.
    pub fn is_of_content(&self) -> bool {
        self.all.iter().any(Expression::is_of_content)
    }

    /// Whether a record that was found passes.
    pub fn passes(&self, found: &RecordRef, record: &AuditRecord) -> bool {
        let mut known = found.held.iter().copied();
        self.judged().map(|expression| holds(expression, record, &mut known)).fold(true, |all, one| all & one)
    }

    /// For each part of the filter that asks for no content, beside one that does, whether it holds.
    pub(super) fn push_held(&self, source: Source, sql: &mut Sql<'_>) {
        sql.push("ARRAY[");
        let parts: Vec<&Expression> = self.judged().flat_map(known_parts).collect();
        for (index, part) in parts.into_iter().enumerate() {
            sql.push(if index == 0 { "coalesce(" } else { ", coalesce(" });
            self.push_expression(part, Judgement::AtMost, source, sql);
            sql.push(", false)");
        }
        sql.push("]::boolean[]");
    }

    fn judged(&self) -> impl Iterator<Item = &Expression> {
        self.all.iter().filter(|expression| expression.is_of_content())
    }
}

/// The largest parts that ask for no content, in the order in which [`holds`] comes by.
fn known_parts(expression: &Expression) -> Vec<&Expression> {
    match expression {
        whole if !whole.is_of_content() => vec![whole],
        Expression::And(parts) | Expression::Or(parts) => parts.iter().flat_map(known_parts).collect(),
        Expression::Not(inner) => known_parts(inner),
        Expression::Is(_) => Vec::new(),
    }
}

/// Looks at every part, so that what is known stays in step.
fn holds(expression: &Expression, record: &AuditRecord, known: &mut impl Iterator<Item = bool>) -> bool {
    match expression {
        known_part if !known_part.is_of_content() => known.next().unwrap_or(false),
        Expression::And(parts) => {
            let (changes, others): (Vec<_>, Vec<_>) = parts.iter().partition(|part| is_of_change(part));
            let held =
                others.into_iter().map(|part| holds(part, record, known)).fold(true, |all, one| all & one);
            held && (changes.is_empty() || changed(record, &changes))
        }
        Expression::Or(parts) => {
            parts.iter().map(|part| holds(part, record, known)).fold(false, |any, one| any | one)
        }
        Expression::Not(inner) => !holds(inner, record, known),
        Expression::Is(Condition::Record(RecordCondition::Text(wanted))) => mentions(record, wanted),
        Expression::Is(_) => changed(record, &[expression]),
    }
}

fn is_of_change(expression: &Expression) -> bool {
    use RecordCondition::{Field, New, Old};
    matches!(expression, Expression::Is(Condition::Record(Field(_) | Old(_) | New(_))))
}

/// Whether one change is all that.
fn changed(record: &AuditRecord, wanted: &[&Expression]) -> bool {
    let is = |change: &RecordChange, wanted: &Expression| match wanted {
        Expression::Is(Condition::Record(RecordCondition::Field(field))) => is_of(field, &change.field),
        Expression::Is(Condition::Record(RecordCondition::Old(old))) => says(&change.old, old),
        Expression::Is(Condition::Record(RecordCondition::New(new))) => says(&change.new, new),
        _ => false,
    };
    record.changes.iter().any(|change| wanted.iter().all(|wanted| is(change, wanted)))
}

/// `comments` is also of `comments/<id>`.
fn is_of(field: &str, changed: &str) -> bool {
    changed.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn says(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => text.to_lowercase().contains(wanted),
        other => other.to_string().to_lowercase().contains(wanted),
    }
}

fn mentions(record: &AuditRecord, wanted: &str) -> bool {
    let target = record.target.as_ref().and_then(|target| target.key.as_ref());
    let texts = [&record.reason, &record.code, &record.source.user_agent, &record.query];
    let texts = texts.into_iter().flatten().chain(target).chain([&record.action]);
    texts.into_iter().any(|text| text.to_lowercase().contains(wanted))
        || record.changes.iter().any(|change| says(&change.old, wanted) || says(&change.new, wanted))
}

#[cfg(test)]
mod tests {
    use domain::filter::{Filter, FilterOver};

    use super::*;

    fn meaning(text: &str) -> Expression {
        Filter::parse(text, FilterOver::Records).unwrap().meaning().clone()
    }

    #[test]
    fn what_asks_for_no_content_is_left_to_the_database_in_the_largest_parts() {
        let parts = |text: &str| {
            let whole = meaning(text);
            known_parts(&whole).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(parts("text = x"), [""; 0]);
        assert_eq!(parts("crud = read AND outcome = denied"), ["crud = read AND outcome = denied"]);
        assert_eq!(
            parts("crud = read AND NOT (text = x OR (code = \"A\" AND NOT code = \"B\")) AND new = y"),
            ["crud = read", "code = \"A\" AND NOT code = \"B\""]
        );
    }
}
