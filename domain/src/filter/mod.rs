//! Filters over tasks, events and audit records: one grammar for lists, notification rules and webhooks.
//!
//! A subset of AIP-160: `status = in_progress AND (label : "집" OR due < 2026-12-01) AND NOT assignee = none`. `OR` binds
//! tighter than `AND`, as there; nothing is implied between two conditions. What a filter asks of something that is not
//! there (a task's status of an event that is no task's) is neither true nor false, and the filter does not match.

mod asked;
mod condition;
mod fields;
mod judge;
mod parser;
mod record;
mod write;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

pub use asked::{
    AsOf, DeliveriesAsked, HoldersAsked, Hours, ListAsked, Parameters, RecordGroup, RecordsAsked, Span,
    TasksAsked, Then, Traced, instant, person,
};
pub use condition::{Condition, FilterField, Order, Person};
pub use fields::events_of_field;
pub use judge::{EventFacts, Subject, TaskFacts};
pub use record::{Crud, Network, RecordCondition, RecordOutcome, RecordTarget, part, word};

use crate::violation::{Unit, Violation};

/// The longest filter in bytes.
pub const MAX_LENGTH: usize = 2_000;
/// Conditions in one filter at most.
pub const MAX_CONDITIONS: usize = 50;
/// How deep parentheses and `NOT` may be nested.
pub const MAX_DEPTH: usize = 10;

/// What a filter is over: some fields are of tasks only, some of events only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterOver {
    /// A list of tasks that somebody asks for, who is `me`.
    Tasks,
    /// Events, with the task that each is about as it is after the event. Nobody is `me`.
    Events,
    /// Audit records that somebody asks for, who is `me`.
    Records,
}

/// A filter as it was written, and what it means.
#[derive(Clone, Debug)]
pub struct Filter {
    text: Arc<str>,
    meaning: Arc<Expression>,
}

/// What a filter means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// All of these, two or more.
    And(Vec<Expression>),
    /// Any of these, two or more.
    Or(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// This.
    Is(Condition),
}

/// Why a filter cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Something else should stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// No such field, or not here.
    #[error("no such field; there are {}", .allowed.join(", "))]
    UnknownField {
        /// The fields that there are.
        allowed: Vec<&'static str>,
    },
    /// The field's values have no order.
    #[error("{field} is compared with =, != or : only")]
    NoOrder {
        /// Which.
        field: FilterField,
    },
    /// Not a value of the field.
    #[error("the value of {field} {violation}")]
    Value {
        /// Which.
        field: FilterField,
        /// What is wrong with it.
        violation: Violation,
    },
    /// More conditions than anybody needs.
    #[error("more than {MAX_CONDITIONS} conditions")]
    TooMany,
    /// Nested deeper than anybody needs.
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

impl Expression {
    /// Whether anything of it only a record itself can say.
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_of_content),
            Self::Not(inner) => inner.is_of_content(),
            Self::Is(Condition::Record(condition)) => condition.is_of_content(),
            Self::Is(_) => false,
        }
    }
}

impl Filter {
    /// Understands a filter, or says where it stops making sense.
    pub fn parse(text: &str, over: FilterOver) -> Result<Self, Violation> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Violation::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(Violation::TooLong { max: MAX_LENGTH, unit: Unit::Bytes });
        }
        let meaning = parser::parse(text, over)?;
        Ok(Self { text: text.into(), meaning: Arc::new(meaning) })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means.
    pub fn meaning(&self) -> &Expression {
        &self.meaning
    }

    /// Whether this is what it asks for.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.meaning.judge(subject) == Some(true)
    }
}

impl From<Expression> for Filter {
    fn from(meaning: Expression) -> Self {
        Self { text: meaning.to_string().into(), meaning: Arc::new(meaning) }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Filter {}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Filter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Only filters over events are stored.
impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text, FilterOver::Events).map_err(serde::de::Error::custom)
    }
}
