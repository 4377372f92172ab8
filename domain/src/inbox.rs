//! What somebody has read of the notices in the product. The notices themselves are not here; an inbox bears the id of its
//! user.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    event::events,
    ids::UserId,
    policy::Action,
    record::{Circumstances, Record, RecordError, record},
    time::Timestamp,
};

/// Notices read one by one that are remembered; who reads more of them again makes an event more.
const MAX_REMEMBERED: usize = 1_000;

events! {
    /// One fact that became true.
    InboxEvent {
        /// A notice was read.
        Read(NoticeRead) = "inbox.read" v "1",
        /// All notices of events up to there were read.
        ReadUpTo(ReadUpTo) = "inbox.read_up_to" v "1",
    }
}

/// Payload of `inbox.read`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NoticeRead {
    /// Which one.
    pub notice: Uuid,
}

/// Payload of `inbox.read_up_to`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ReadUpTo {
    /// The position of the last event of which the notice was read.
    pub position: i64,
}

/// One wish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InboxCommand {
    /// Take a notice as read.
    Read {
        /// Which one.
        notice: Uuid,
    },
    /// Take all notices as read of events up to there.
    ReadUpTo {
        /// The position of the event; that it is in the log was checked.
        position: i64,
    },
}

/// What somebody has read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// Up to where all was read.
    pub read_up_to: i64,
    /// What was read one by one since.
    pub read: BTreeSet<Uuid>,
    /// When something was read first.
    pub create_time: Option<Timestamp>,
    /// When something was read last.
    pub update_time: Option<Timestamp>,
}

record!(Inbox, "inbox", InboxCommand, InboxEvent);

impl Inbox {
    fn take(&mut self, event: InboxEvent) {
        match event {
            InboxEvent::Read(read) => {
                if self.read.len() >= MAX_REMEMBERED {
                    self.read.pop_first();
                }
                self.read.insert(read.notice);
            }
            InboxEvent::ReadUpTo(up_to) => {
                self.read_up_to = up_to.position;
                self.read.clear();
            }
        }
    }
}

impl Record for Inbox {
    const SHAPE: i32 = 1;

    fn version(&self) -> i64 {
        self.version
    }

    fn is_new(_: &InboxCommand) -> bool {
        false
    }

    fn users(_: &InboxCommand) -> Vec<UserId> {
        Vec::new()
    }

    fn authorise(&self, _: &InboxCommand, around: &Circumstances) -> Result<(), RecordError> {
        around.permit(Action::UserEdit)
    }

    fn holds(&self) -> Option<(&'static str, String)> {
        None
    }

    fn decide(&self, command: InboxCommand, around: &Circumstances) -> Result<Vec<InboxEvent>, RecordError> {
        self.authorise(&command, around)?;
        Ok(match command {
            InboxCommand::Read { notice } if self.read.contains(&notice) => Vec::new(),
            InboxCommand::Read { notice } => vec![InboxEvent::Read(NoticeRead { notice })],
            InboxCommand::ReadUpTo { position } if position <= self.read_up_to => Vec::new(),
            InboxCommand::ReadUpTo { position } => vec![InboxEvent::ReadUpTo(ReadUpTo { position })],
        })
    }
}
