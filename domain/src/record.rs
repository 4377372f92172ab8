//! What rules, webhooks, announcements and inboxes have in common: how they are asked, how they refuse, how they live.

use std::collections::BTreeSet;

use cqrs_es::Aggregate;
use uuid::Uuid;

use crate::{
    actor::Actor,
    event::Timed,
    ids::UserId,
    policy::{Action, Decision, Relation},
    time::Timestamp,
    violation::{FieldViolation, Violation},
};

/// Everything known beside a record when it is decided (the `Services` of cqrs-es).
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The record that the command is for.
    pub id: Uuid,
    /// Whose rights count.
    pub actor: Actor,
    /// The clock.
    pub now: Timestamp,
    /// Those among the users that the command names who are active; see [`Record::users`].
    pub active: BTreeSet<UserId>,
}

/// Why a command on a record is refused. "Already so" is no refusal: it is success without events.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// Not there, not any more, or nothing that the caller may see.
    #[error("no such record")]
    NotFound,
    /// Not the caller's to do.
    #[error("not allowed")]
    Forbidden,
    /// The id is in use.
    #[error("the id is taken")]
    IdTaken,
    /// The record's state does not admit it.
    #[error("not allowed while {state}")]
    StateNotAllowed {
        /// Where it stands.
        state: &'static str,
    },
    /// There are as many as there may be.
    #[error("there are {most} already")]
    TooMany {
        /// The limit.
        most: u16,
    },
    /// Rules about the data were broken; all of them.
    #[error("{} rules are broken", .0.len())]
    Invalid(Vec<FieldViolation>),
}

/// So many records at most may hold values of one kind that begin alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What kind of value.
    pub scope: &'static str,
    /// How they begin.
    pub prefix: String,
    /// The limit.
    pub most: u16,
}

/// An aggregate that stands alone.
pub trait Record:
    Aggregate<Services = Circumstances, Error = RecordError, Command: Clone + Send + Sync> + Timed
{
    /// Version of the shape that snapshots have.
    const SHAPE: i32;

    /// Sequence of the last event; 0 before the first.
    fn version(&self) -> i64;

    /// Whether the command makes the record.
    fn is_new(command: &Self::Command) -> bool;

    /// The users of whom the command asks whether they are active.
    fn users(command: &Self::Command) -> Vec<UserId>;

    /// Checks that the record is there for the actor and that the actor may ask for this; `decide` does so too.
    fn authorise(&self, command: &Self::Command, around: &Circumstances) -> Result<(), RecordError>;

    /// What only one record may hold at a time: what kind of value, and the value.
    fn holds(&self) -> Option<(&'static str, String)>;

    /// How many records there may be beside it when it is made.
    fn bound(&self) -> Option<Bound> {
        None
    }

    /// Decides one command.
    fn decide(&self, command: Self::Command, around: &Circumstances)
    -> Result<Vec<Self::Event>, RecordError>;
}

impl Circumstances {
    /// Refuses those whom the policy table does not let.
    pub(crate) fn permit(&self, action: Action) -> Result<(), RecordError> {
        let decision = match self.actor {
            Actor::System => Decision::Allow,
            Actor::Anonymous | Actor::User { .. } | Actor::Key { .. } | Actor::Import { .. } => {
                let self_ = self.actor.id().is_some_and(|actor| actor.0 == self.id);
                self.actor.decide(action, None, Relation { self_, ..Relation::default() })
            }
        };
        if decision == Decision::Allow { Ok(()) } else { Err(RecordError::Forbidden) }
    }

    /// Violations of a list of users, of whom each must be active.
    pub(crate) fn inactive<'a>(
        &'a self,
        member: &'a str,
        users: &'a [UserId],
    ) -> impl Iterator<Item = FieldViolation> + 'a {
        let users = users.iter().enumerate().filter(|(_, user)| !self.active.contains(user));
        users.map(move |(index, user)| {
            FieldViolation::of_entry(member, index, Violation::UserNotActive { user: *user })
        })
    }
}

/// All violations, or none.
pub(crate) fn valid(violations: Vec<FieldViolation>) -> Result<(), RecordError> {
    if violations.is_empty() { Ok(()) } else { Err(RecordError::Invalid(violations)) }
}

/// Entries without repetitions, in order.
pub(crate) fn each_once<T: PartialEq>(entries: Vec<T>) -> Vec<T> {
    let mut once = Vec::with_capacity(entries.len());
    for entry in entries {
        if !once.contains(&entry) {
            once.push(entry);
        }
    }
    once
}

/// Makes a state with `version`, `create_time`, `update_time` and `take` an aggregate.
macro_rules! record {
    ($state:ident, $kind:literal, $command:ident, $event:ident) => {
        impl $crate::event::Timed for $state {
            fn occurred(&mut self, at: $crate::time::Timestamp) {
                self.create_time.get_or_insert(at);
                self.update_time = Some(at);
            }

            fn last_occurred_at(&self) -> Option<$crate::time::Timestamp> {
                self.update_time
            }
        }

        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = $kind;
            type Command = $command;
            type Event = $event;
            type Error = $crate::record::RecordError;
            type Services = $crate::record::Circumstances;

            async fn handle(
                &mut self,
                command: $command,
                around: &$crate::record::Circumstances,
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), $crate::record::RecordError> {
                use $crate::{event::Timed, record::Record};
                let time = self.effective_time(around.now);
                for event in self.decide(command, around)? {
                    sink.write(event, self).await;
                    self.occurred(time);
                }
                Ok(())
            }

            fn apply(&mut self, event: $event) {
                self.version += 1;
                self.take(event);
            }
        }
    };
}

pub(crate) use record;
