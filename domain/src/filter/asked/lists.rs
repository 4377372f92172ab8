//! The lists that auditors can take away, and what is asked of each.

use uuid::Uuid;

use super::{AsOf, Parameters, RecordsAsked, TasksAsked, Then, required};
use crate::{
    delivery::{DeliveryChannel, DeliveryState},
    export::ExportKind,
    ids::UserId,
    policy::Role,
    violation::Violation,
    words::words,
};

words! {
    /// By what records are counted.
    RecordGroup {
        /// What was done.
        Action = "action",
        /// Who did it.
        Actor = "actor",
        /// On which day it happened.
        Day = "day",
        /// How it ended.
        Outcome = "outcome",
    }
}

impl RecordGroup {
    /// Reads `group_by`; none only together with what is wrong.
    pub fn read(parameters: &mut impl Parameters) -> Option<Self> {
        required(parameters, "group_by", str::parse)
    }
}

/// Which deliveries; what is absent does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveriesAsked {
    /// On this channel.
    pub channel: Option<DeliveryChannel>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Caused by this event.
    pub event_id: Option<Uuid>,
}

impl DeliveriesAsked {
    /// Reads all filters.
    pub fn read(parameters: &mut impl Parameters) -> Self {
        let id = |text: &str| text.parse().map_err(|_| Violation::Malformed { expected: "a UUID" });
        Self {
            channel: parameters.one("channel", str::parse),
            state: parameters.one("state", str::parse),
            event_id: parameters.one("event_id", id),
        }
    }
}

/// Who had a role when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldersAsked {
    /// Which role.
    pub role: Role,
    /// Now, if that is not said.
    pub as_of: Option<AsOf>,
}

impl HoldersAsked {
    /// Reads both; none only together with what is wrong.
    pub fn read(parameters: &mut impl Parameters) -> Option<Self> {
        let role = required(parameters, "role", str::parse);
        let as_of = parameters.one("as_of", AsOf::parse);
        role.map(|role| Self { role, as_of })
    }
}

/// An event, or the intent that it was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// The intent of the event at this position.
    Position(i64),
    /// The intent of this name.
    Correlation(Uuid),
}

impl Traced {
    /// A position, or the id of an intent.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let intent = || text.parse().ok().map(Self::Correlation);
        let read = match text.parse::<i64>() {
            Ok(position) => (position > 0).then_some(Self::Position(position)),
            Err(_) => intent(),
        };
        read.ok_or(Violation::Malformed { expected: "a position, or the id of an intent" })
    }
}

/// Which list is taken away, and what of it.
#[derive(Clone, Debug)]
pub enum ListAsked {
    /// Records.
    Records(RecordsAsked),
    /// How many records there are, by what they have in common.
    Counts(RecordGroup, RecordsAsked),
    /// What was on its way to the outside.
    Deliveries(DeliveriesAsked),
    /// Who had a role.
    RoleHolders(HoldersAsked),
    /// What an intent has set off.
    Trace(Traced),
    /// Tasks, and as of when; now, if that is not said.
    Tasks(Box<TasksAsked>, Option<Then>),
}

impl ListAsked {
    /// Reads what is asked of a list of this kind. None if it is no list, or together with what is wrong.
    pub fn read(kind: ExportKind, parameters: &mut impl Parameters, me: UserId) -> Option<Self> {
        match kind {
            ExportKind::Events | ExportKind::AuditRecords => None,
            ExportKind::Records => Some(Self::Records(RecordsAsked::read(parameters))),
            ExportKind::Counts => {
                let group = RecordGroup::read(parameters);
                let records = RecordsAsked::read(parameters);
                group.map(|group| Self::Counts(group, records))
            }
            ExportKind::Deliveries => Some(Self::Deliveries(DeliveriesAsked::read(parameters))),
            ExportKind::RoleHolders => HoldersAsked::read(parameters).map(Self::RoleHolders),
            ExportKind::Trace => required(parameters, "of", Traced::parse).map(Self::Trace),
            ExportKind::Tasks => {
                let tasks = TasksAsked::read(parameters, me);
                Some(Self::Tasks(Box::new(tasks), Then::read(parameters)))
            }
        }
    }
}
