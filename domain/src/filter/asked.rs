//! What is asked of audit records, parameter by parameter: the same for lists, counts and exports.

use chrono::NaiveTime;
use uuid::Uuid;

use super::{
    Condition, Expression, Filter, FilterOver, Network, Order, Person, RecordCondition, RecordTarget,
    events_of_field, fields, part, word,
};
use crate::{
    ids::UserId,
    time::{TimeZone, Timestamp},
    violation::Violation,
};

/// More values of one parameter are refused.
const MAX_VALUES: usize = 50;

/// The parameters of a query, which keep what is wrong with them.
pub trait Parameters {
    /// The value of one that may be given once.
    fn one<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Option<T>;

    /// The values of one that may be repeated.
    fn many<T>(&mut self, name: &'static str, parse: impl FnMut(&str) -> Result<T, Violation>) -> Vec<T>;

    /// Notes that one breaks a rule which involves others.
    fn refuse(&mut self, name: &'static str, violation: Violation);
}

/// When people work, Monday to Friday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// They come.
    pub from: NaiveTime,
    /// They go.
    pub to: NaiveTime,
    /// By the clock there.
    pub zone: TimeZone,
}

/// Which audit records are asked for, before it is known where in the logs they are.
#[derive(Clone, Debug)]
pub struct RecordsAsked {
    /// All of these.
    pub all: Vec<Expression>,
    /// Recorded then or later.
    pub from: Option<Timestamp>,
    /// Recorded before.
    pub to: Option<Timestamp>,
    /// Only what happened at no time when people work.
    pub outside: Option<Hours>,
    /// Only logins with what nobody had seen that person log in with before.
    pub new_device: bool,
    /// Whose clock counts.
    pub zone: TimeZone,
}

impl RecordsAsked {
    /// Reads what all questions have in common.
    pub fn read(parameters: &mut impl Parameters) -> Self {
        let mut all = conditions(parameters);
        for (name, order) in [("occurred_from", Order::AtLeast), ("occurred_to", Order::Less)] {
            let time = parameters.one(name, Timestamp::parse_start);
            all.extend(time.map(|time| is(RecordCondition::OccurredAt(order, time))));
        }
        let expression = |text: &str| Filter::parse(text, FilterOver::Records);
        all.extend(parameters.one("filter", expression).map(|filter| filter.meaning().clone()));
        let from = parameters.one("from", Timestamp::parse_start);
        let to = parameters.one("to", Timestamp::parse_start);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            parameters.refuse("to", Violation::BeforeFrom);
        }
        let zone = parameters.one("zone", TimeZone::parse).unwrap_or(TimeZone::UTC);
        let outside = parameters.one("outside_hours", hours);
        let outside = outside.map(|(from, to)| Hours { from, to, zone });
        let new_device = parameters.one("new_device", flag).unwrap_or(false);
        Self { all, from, to, outside, new_device, zone }
    }

    /// Reads what a record must have changed, from what and to what, all in one change, and what it must mention.
    pub fn read_content(&mut self, parameters: &mut impl Parameters) {
        let field = parameters.one("field", field).map(RecordCondition::Field);
        let (old, new) = (parameters.one("old", part), parameters.one("new", part));
        let changed = [field, old.map(RecordCondition::Old), new.map(RecordCondition::New)];
        let mut changed: Vec<_> = changed.into_iter().flatten().map(is).collect();
        let one = if changed.len() > 1 { Some(Expression::And(changed)) } else { changed.pop() };
        let text = parameters.one("text", part).map(RecordCondition::Text).map(is);
        self.all.extend(one.into_iter().chain(text));
    }

    /// Whether records must be read to know which of them are asked for.
    pub fn is_of_content(&self) -> bool {
        self.all.iter().any(Expression::is_of_content)
    }
}

fn is(condition: RecordCondition) -> Expression {
    Expression::Is(Condition::Record(condition))
}

/// Those that may be repeated; any value of each will do.
fn conditions(parameters: &mut impl Parameters) -> Vec<Expression> {
    fn record<T>(value: Result<T, Violation>, of: fn(T) -> RecordCondition) -> Result<Condition, Violation> {
        value.map(|value| Condition::Record(of(value)))
    }
    type Read = fn(&str) -> Result<Condition, Violation>;
    const FILTERS: [(&str, Read); 11] = [
        ("action", |text| RecordCondition::action(text).map(Condition::Record)),
        ("crud", |text| record(text.parse(), RecordCondition::Crud)),
        ("outcome", |text| record(text.parse(), RecordCondition::Outcome)),
        ("code", |text| record(word(text), RecordCondition::Code)),
        ("actor", |text| person(text).map(Condition::Actor)),
        ("target", |text| record(RecordTarget::parse(text), RecordCondition::Target)),
        ("ip", |text| record(Network::parse(text), RecordCondition::Ip)),
        ("user_agent", |text| record(word(text), RecordCondition::UserAgent)),
        ("session", |text| record(id(text), RecordCondition::Session)),
        ("request", |text| record(id(text), RecordCondition::Request)),
        ("correlation", |text| record(id(text), RecordCondition::Correlation)),
    ];
    FILTERS.into_iter().filter_map(|(name, read)| any(parameters, name, read)).collect()
}

fn any(
    parameters: &mut impl Parameters,
    name: &'static str,
    read: fn(&str) -> Result<Condition, Violation>,
) -> Option<Expression> {
    let mut parts = parameters.many(name, |text| read(text).map(Expression::Is));
    if parts.len() > MAX_VALUES {
        parameters.refuse(name, Violation::TooMany { max: MAX_VALUES });
    }
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Expression::Or(parts)),
    }
}

fn person(text: &str) -> Result<Option<Person>, Violation> {
    match text {
        "none" => Ok(None),
        "me" => Ok(Some(Person::Me)),
        text => id(text).map(|id| Some(Person::User(UserId(id)))),
    }
}

/// Only the usual form with hyphens, in either case.
fn id(text: &str) -> Result<Uuid, Violation> {
    let read = Uuid::parse_str(text).ok().filter(|_| text.len() == 36);
    read.ok_or(Violation::Malformed { expected: "a UUID" })
}

/// `09:00-18:00`
fn hours(text: &str) -> Result<(NaiveTime, NaiveTime), Violation> {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let read = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
    let malformed = Violation::Malformed { expected: "two times of a day such as 09:00-18:00" };
    read.filter(|(from, to)| from < to).ok_or(malformed)
}

/// A field of tasks or users.
fn field(text: &str) -> Result<String, Violation> {
    let known = events_of_field(text).map(|_| text.to_owned());
    known.ok_or(Violation::UnknownValue { allowed: fields::NAMES })
}

fn flag(text: &str) -> Result<bool, Violation> {
    text.parse().map_err(|_| Violation::UnknownValue { allowed: &["true", "false"] })
}
