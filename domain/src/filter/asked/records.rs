//! What is asked of audit records.

use chrono::NaiveTime;

use super::{Parameters, Span, flag, id, several, span};
use crate::{
    filter::{
        Condition, Expression, Filter, FilterOver, Network, Order, Person, RecordCondition, RecordTarget,
        events_of_field, fields, part, word,
    },
    ids::UserId,
    time::{TimeZone, Timestamp},
    violation::Violation,
};

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
    /// Reads all filters.
    pub fn read(parameters: &mut impl Parameters) -> Self {
        let mut all = conditions(parameters);
        for (name, order) in [("occurred_from", Order::AtLeast), ("occurred_to", Order::Less)] {
            let time = parameters.one(name, Timestamp::parse_start);
            all.extend(time.map(|time| is(RecordCondition::OccurredAt(order, time))));
        }
        let expression = |text: &str| Filter::parse(text, FilterOver::Records);
        all.extend(parameters.one("filter", expression).map(|filter| filter.meaning().clone()));
        let Span { from, to } = span(parameters, "from", "to");
        let zone = parameters.one("zone", TimeZone::parse).unwrap_or(TimeZone::UTC);
        let outside = parameters.one("outside_hours", hours);
        let outside = outside.map(|(from, to)| Hours { from, to, zone });
        let new_device = parameters.one("new_device", flag).unwrap_or(false);
        all.extend(content(parameters));
        Self { all, from, to, outside, new_device, zone }
    }
}

fn is(condition: RecordCondition) -> Expression {
    Expression::Is(Condition::Record(condition))
}

/// What a record must have changed, from what and to what, all in one change, and what it must mention.
fn content(parameters: &mut impl Parameters) -> impl Iterator<Item = Expression> {
    let field = parameters.one("field", field).map(RecordCondition::Field);
    let (old, new) = (parameters.one("old", part), parameters.one("new", part));
    let changed = [field, old.map(RecordCondition::Old), new.map(RecordCondition::New)];
    let mut changed: Vec<_> = changed.into_iter().flatten().map(is).collect();
    let one = if changed.len() > 1 { Some(Expression::And(changed)) } else { changed.pop() };
    let text = parameters.one("text", part).map(RecordCondition::Text).map(is);
    one.into_iter().chain(text)
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
    let mut parts = several(parameters, name, |text| read(text).map(Expression::Is));
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
