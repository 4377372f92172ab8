//! One condition: a field, a comparison and a value, each kind of field with its own values.

use uuid::Uuid;

use super::{
    FilterFault, FilterOver, Network, RecordCondition, RecordTarget,
    parser::Value,
    record::{part, word},
};
use crate::{
    event::EventPattern,
    ids::{TaskId, UserId},
    task::values::{Due, ExternalRef, Label, Priority, Status, Visibility},
    time::Timestamp,
    violation::Violation,
    words::words,
};

words! {
    /// What a filter may ask about.
    FilterField {
        /// Where the task stands.
        Status = "status",
        /// Who is assigned.
        Assignee = "assignee",
        /// Who created the task.
        Creator = "creator",
        /// Who watches the task.
        Watcher = "watcher",
        /// What it is labelled.
        Label = "label",
        /// How pressing it is.
        Priority = "priority",
        /// What it is a part of.
        Parent = "parent",
        /// What it is called elsewhere.
        ExternalRef = "external_ref",
        /// When it is due; a day begins at midnight in UTC.
        Due = "due",
        /// When it was created.
        CreateTime = "create_time",
        /// When it was last changed.
        UpdateTime = "update_time",
        /// Who may see it.
        Visibility = "visibility",
        /// Of which type the event is, also with `*` at the end.
        Type = "type",
        /// Who acted.
        Actor = "actor",
        /// What was done, or how that begins.
        Action = "action",
        /// Whether something was created, read, updated or deleted.
        Crud = "crud",
        /// How it ended.
        Outcome = "outcome",
        /// Why it was refused.
        Code = "code",
        /// What it was done to.
        Target = "target",
        /// From which address or network it came.
        Ip = "ip",
        /// From what client it came.
        UserAgent = "user_agent",
        /// In which session it was done, or with which API key.
        Session = "session",
        /// In which request it was done.
        Request = "request",
        /// To which intent it belongs.
        Correlation = "correlation",
        /// Which field changed.
        Field = "field",
        /// What a value that changed had in it.
        Old = "old",
        /// What a value that changed has in it.
        New = "new",
        /// What any of its texts have in them.
        Text = "text",
        /// When it happened.
        OccurredAt = "occurred_at",
        /// When it was recorded.
        RecordedAt = "recorded_at",
    }
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

/// Somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Whoever asks.
    Me,
    /// This user.
    User(UserId),
}

/// One condition; `None` stands for `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Stands there.
    Status(Status),
    /// Is assigned, or nobody is.
    Assignee(Option<Person>),
    /// Created it.
    Creator(Person),
    /// Watches it, or nobody does.
    Watcher(Option<Person>),
    /// Has the label, or has none.
    Label(Option<Label>),
    /// Is so pressing.
    Priority(Order, Priority),
    /// Is a part of it, or of nothing.
    Parent(Option<TaskId>),
    /// Is called so elsewhere, or nothing.
    ExternalRef(Option<ExternalRef>),
    /// Is due then, or never. What is never due is neither before nor after anything.
    Due(Option<(Order, Timestamp)>),
    /// Was created then.
    CreateTime(Order, Timestamp),
    /// Was last changed then.
    UpdateTime(Order, Timestamp),
    /// Is seen by these.
    Visibility(Visibility),
    /// Is of this type.
    Type(EventPattern),
    /// Acted, or the system did.
    Actor(Option<Person>),
    /// What only audit records have.
    Record(RecordCondition),
}

impl FilterField {
    /// Whether there is such a field in filters over these.
    pub fn is_of(self, over: FilterOver) -> bool {
        match self {
            Self::Type => over == FilterOver::Events,
            Self::Actor => over != FilterOver::Tasks,
            Self::Action
            | Self::Crud
            | Self::Outcome
            | Self::Code
            | Self::Target
            | Self::Ip
            | Self::UserAgent
            | Self::Session
            | Self::Request
            | Self::Correlation
            | Self::Field
            | Self::Old
            | Self::New
            | Self::Text
            | Self::OccurredAt
            | Self::RecordedAt => over == FilterOver::Records,
            Self::Status
            | Self::Assignee
            | Self::Creator
            | Self::Watcher
            | Self::Label
            | Self::Priority
            | Self::Parent
            | Self::ExternalRef
            | Self::Due
            | Self::CreateTime
            | Self::UpdateTime
            | Self::Visibility => over != FilterOver::Records,
        }
    }

    fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::Priority
                | Self::Due
                | Self::CreateTime
                | Self::UpdateTime
                | Self::OccurredAt
                | Self::RecordedAt
        )
    }

    /// The condition that the field compares so with this value.
    pub(super) fn condition(
        self,
        order: Order,
        value: &Value,
        over: FilterOver,
    ) -> Result<Condition, FilterFault> {
        if order != Order::Equal && (!self.is_ordered() || value.is_none()) {
            return Err(FilterFault::NoOrder { field: self });
        }
        let text = value.text.as_str();
        let condition = match self {
            Self::Status => text.parse().map(Condition::Status),
            Self::Assignee => optional(value, |_| person(value, over)).map(Condition::Assignee),
            Self::Creator => person(value, over).map(Condition::Creator),
            Self::Watcher => optional(value, |_| person(value, over)).map(Condition::Watcher),
            Self::Label => optional(value, Label::parse).map(Condition::Label),
            Self::Priority => text.parse().map(|priority| Condition::Priority(order, priority)),
            Self::Parent => optional(value, task).map(Condition::Parent),
            Self::ExternalRef => optional(value, external_ref).map(Condition::ExternalRef),
            Self::Due => {
                let due = optional(value, instant);
                due.map(|due| Condition::Due(due.map(|time| (order, time))))
            }
            Self::CreateTime => instant(text).map(|time| Condition::CreateTime(order, time)),
            Self::UpdateTime => instant(text).map(|time| Condition::UpdateTime(order, time)),
            Self::Visibility => text.parse().map(Condition::Visibility),
            Self::Type => EventPattern::parse(text).map(Condition::Type),
            Self::Actor => optional(value, |_| person(value, over)).map(Condition::Actor),
            Self::Action => RecordCondition::action(text).map(Condition::Record),
            Self::Crud => of_record(text.parse(), RecordCondition::Crud),
            Self::Outcome => of_record(text.parse(), RecordCondition::Outcome),
            Self::Code => of_record(word(text), RecordCondition::Code),
            Self::Target => of_record(RecordTarget::parse(text), RecordCondition::Target),
            Self::Ip => of_record(Network::parse(text), RecordCondition::Ip),
            Self::UserAgent => of_record(word(text), RecordCondition::UserAgent),
            Self::Session => of_record(id(text), RecordCondition::Session),
            Self::Request => of_record(id(text), RecordCondition::Request),
            Self::Correlation => of_record(id(text), RecordCondition::Correlation),
            Self::Field => of_record(word(text), RecordCondition::Field),
            Self::Old => of_record(part(text), RecordCondition::Old),
            Self::New => of_record(part(text), RecordCondition::New),
            Self::Text => of_record(part(text), RecordCondition::Text),
            Self::OccurredAt => of_record(instant(text), |time| RecordCondition::OccurredAt(order, time)),
            Self::RecordedAt => of_record(instant(text), |time| RecordCondition::RecordedAt(order, time)),
        };
        condition.map_err(|violation| FilterFault::Value { field: self, violation })
    }
}

fn of_record<T>(
    value: Result<T, Violation>,
    condition: impl FnOnce(T) -> RecordCondition,
) -> Result<Condition, Violation> {
    value.map(|value| Condition::Record(condition(value)))
}

fn id(text: &str) -> Result<Uuid, Violation> {
    text.parse().map_err(|_| Violation::Malformed { expected: "a UUID" })
}

fn optional<T>(
    value: &Value,
    parse: impl FnOnce(&str) -> Result<T, Violation>,
) -> Result<Option<T>, Violation> {
    if value.is_none() { Ok(None) } else { parse(&value.text).map(Some) }
}

fn person(value: &Value, over: FilterOver) -> Result<Person, Violation> {
    match (value.text.as_str(), over) {
        ("me", FilterOver::Tasks | FilterOver::Records) => Ok(Person::Me),
        (text, FilterOver::Tasks | FilterOver::Records) => user(text, "a UUID or me"),
        (text, FilterOver::Events) => user(text, "a UUID"),
    }
}

fn user(text: &str, expected: &'static str) -> Result<Person, Violation> {
    text.parse().map(Person::User).map_err(|_| Violation::Malformed { expected })
}

fn task(text: &str) -> Result<TaskId, Violation> {
    text.parse().map_err(|_| Violation::Malformed { expected: "a UUID" })
}

fn external_ref(text: &str) -> Result<ExternalRef, Violation> {
    let (system, id) = text.split_once(':').ok_or(Violation::Malformed { expected: "system:id" })?;
    Ok(ExternalRef::new(ExternalRef::parse_system(system)?, ExternalRef::parse_id(id)?))
}

/// A time, or the start of a day in UTC.
fn instant(text: &str) -> Result<Timestamp, Violation> {
    let day = || Due::parse_date(text).map(|date| Due::Date { date }.begins());
    let expected = "a time such as 2026-11-21T09:30:00Z or a day such as 2026-11-21";
    Due::parse_at(text).or_else(|_| day()).map_err(|_| Violation::Malformed { expected })
}
