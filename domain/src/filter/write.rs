//! Filters as text that means the same when it is read again.

use std::fmt::{self, Display, Formatter};

use super::{Condition, Expression, FilterField, Order, Person};

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " AND "),
            Self::Or(parts) => joined(f, parts, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                inner.fmt_part(f)
            }
            Self::Is(condition) => condition.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expression], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { word })?;
        part.fmt_part(f)?;
    }
    Ok(())
}

impl Expression {
    /// In parentheses where it would read otherwise, and where people would have to think.
    fn fmt_part(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(f, "({self})"),
            Self::Not(_) | Self::Is(_) => self.fmt(f),
        }
    }
}

impl Condition {
    /// The field that it is about.
    pub fn field(&self) -> FilterField {
        match self {
            Self::Status(_) => FilterField::Status,
            Self::Assignee(_) => FilterField::Assignee,
            Self::Creator(_) => FilterField::Creator,
            Self::Watcher(_) => FilterField::Watcher,
            Self::Label(_) => FilterField::Label,
            Self::Priority(..) => FilterField::Priority,
            Self::Parent(_) => FilterField::Parent,
            Self::ExternalRef(_) => FilterField::ExternalRef,
            Self::Due(_) => FilterField::Due,
            Self::CreateTime(..) => FilterField::CreateTime,
            Self::UpdateTime(..) => FilterField::UpdateTime,
            Self::Visibility(_) => FilterField::Visibility,
            Self::Type(_) => FilterField::Type,
            Self::Actor(_) => FilterField::Actor,
            Self::Record(record) => record.field(),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.field())?;
        match self {
            Self::Status(status) => write!(f, "= {status}"),
            Self::Assignee(person) | Self::Watcher(person) | Self::Actor(person) => optional(f, *person),
            Self::Creator(person) => write!(f, "= {person}"),
            Self::Label(label) => optional(f, label.as_ref().map(|label| quoted(label.as_str()))),
            Self::Priority(order, priority) => write!(f, "{order} {priority}"),
            Self::Parent(parent) => optional(f, *parent),
            Self::ExternalRef(name) => optional(f, name.as_ref().map(|name| quoted(&name.as_claim()))),
            Self::Due(None) => f.write_str("= none"),
            Self::Due(Some((order, time)))
            | Self::CreateTime(order, time)
            | Self::UpdateTime(order, time) => {
                write!(f, "{order} {time}")
            }
            Self::Visibility(visibility) => write!(f, "= {visibility}"),
            Self::Type(pattern) => write!(f, "= {pattern}"),
            Self::Record(record) => record.write(f),
        }
    }
}

fn optional(f: &mut Formatter<'_>, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "= {value}"),
        None => f.write_str("= none"),
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Display for Person {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Me => f.write_str("me"),
            Self::User(id) => id.fmt(f),
        }
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::AtLeast => ">=",
            Self::More => ">",
        })
    }
}
