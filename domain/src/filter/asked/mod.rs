//! What is asked of lists, parameter by parameter: the same where they are read, counted and taken away.

mod lists;
mod records;
mod tasks;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use lists::{DeliveriesAsked, HoldersAsked, ListAsked, RecordGroup, Traced};
pub use records::{Hours, RecordsAsked};
pub use tasks::TasksAsked;

use crate::{ids::UserId, time::Timestamp, violation::Violation};

/// More values of one parameter are refused.
const MAX_VALUES: usize = 50;

/// The parameters of a query, which keep what is wrong with them.
pub trait Parameters {
    /// The value of one that may be given once.
    fn one<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T>;

    /// The values of one that may be repeated.
    fn many<T>(&mut self, name: &'static str, parse: impl FnMut(&str) -> Result<T, Violation>) -> Vec<T>;

    /// Whether it was given.
    fn has(&self, name: &str) -> bool;

    /// Notes that one breaks a rule which involves others.
    fn refuse(&mut self, name: &'static str, violation: Violation);
}

/// A half-open span of time: `from` counts, `to` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first instant in it.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub to: Option<Timestamp>,
}

/// A moment of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After everything up to this position.
    Position(i64),
    /// As it stood at this time.
    Time(Timestamp),
}

impl AsOf {
    /// A position or a time.
    fn parse(text: &str) -> Result<Self, Violation> {
        match text.parse::<i64>() {
            Ok(position) if position >= 0 => Ok(Self::Position(position)),
            _ => instant(text).map(Self::Time),
        }
    }
}

/// A moment that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// As the log had it.
    Recorded(AsOf),
    /// After what had happened at this time; imported history came into the log later.
    Occurred(Timestamp),
}

impl Then {
    /// Reads `as_of` or `as_of_occurred`, if any.
    pub fn read(parameters: &mut impl Parameters) -> Option<Self> {
        let recorded = parameters.one("as_of", |text| AsOf::parse(text).map(Self::Recorded));
        let occurred = parameters.one("as_of_occurred", |text| instant(text).map(Self::Occurred));
        if parameters.has("as_of") && parameters.has("as_of_occurred") {
            parameters.refuse("as_of_occurred", Violation::Excludes { other: "as_of" });
        }
        recorded.or(occurred)
    }
}

/// A time with an offset.
pub fn instant(text: &str) -> Result<Timestamp, Violation> {
    let time: Result<DateTime<Utc>, _> = text.parse();
    time.map(Into::into).map_err(|_| Violation::NotATime)
}

/// A person; `me`, where somebody is; `none`, where there need not be one.
pub fn person(text: &str, me: Option<UserId>, optional: bool) -> Result<Option<Uuid>, Violation> {
    match (text, me) {
        ("me", Some(me)) => Ok(Some(me.0)),
        ("none", _) if optional => Ok(None),
        _ => id(text).map(Some),
    }
}

/// Only the usual form with hyphens, in either case.
fn id(text: &str) -> Result<Uuid, Violation> {
    let read = Uuid::parse_str(text).ok().filter(|_| text.len() == 36);
    read.ok_or(Violation::Malformed { expected: "a UUID" })
}

fn flag(text: &str) -> Result<bool, Violation> {
    text.parse().map_err(|_| Violation::UnknownValue { allowed: &["true", "false"] })
}

/// The values of one parameter, not too many.
fn several<T>(
    parameters: &mut impl Parameters,
    name: &'static str,
    parse: impl FnMut(&str) -> Result<T, Violation>,
) -> Vec<T> {
    let values = parameters.many(name, parse);
    if values.len() > MAX_VALUES {
        parameters.refuse(name, Violation::TooMany { max: MAX_VALUES });
    }
    values
}

/// The value of a parameter that must be given.
fn required<T>(
    parameters: &mut impl Parameters,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Violation>,
) -> Option<T> {
    if !parameters.has(name) {
        parameters.refuse(name, Violation::Required);
    }
    parameters.one(name, parse)
}

/// Times or days (UTC).
fn span(parameters: &mut impl Parameters, from: &'static str, to: &'static str) -> Span {
    let span = Span {
        from: parameters.one(from, Timestamp::parse_start),
        to: parameters.one(to, Timestamp::parse_start),
    };
    if span.from.zip(span.to).is_some_and(|(from, to)| from > to) {
        parameters.refuse(to, Violation::BeforeFrom);
    }
    span
}
