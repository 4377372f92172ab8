//! The state of an announcement, what can be asked of it, and how it decides.

use serde::{Deserialize, Serialize};

use super::{
    AnnouncementCancelled, AnnouncementContent, AnnouncementDrafted, AnnouncementEvent,
    AnnouncementScheduled, AnnouncementSent,
    values::{AnnouncementState, Body, Headline, MAX_USERS, Recipients},
};
use crate::{
    event::Change,
    ids::UserId,
    notification::ChannelSet,
    policy::Action,
    record::{Circumstances, Record, RecordError, each_once, record, valid},
    task::values::Reason,
    time::Timestamp,
    violation::{FieldViolation, Violation},
};

/// One wish. All values are parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum AnnouncementCommand {
    /// Write a draft.
    Draft(Box<AnnouncementContent>),
    /// Change what it says, or to whom; one that is scheduled must be cancelled first.
    Edit(Box<AnnouncementEdit>),
    /// Send it then; at once if that is over.
    Schedule(AnnouncementScheduled),
    /// It is on its way: asked for by the system, whose clock counts.
    Send {
        /// The time that had come.
        at: Timestamp,
        /// How many are told.
        recipients: u32,
    },
    /// Do not send it, if its time has not come.
    Cancel {
        /// Why, if said.
        reason: Option<Reason>,
    },
}

/// What to change: `None` keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnnouncementEdit {
    /// In one line.
    pub title: Option<Headline>,
    /// All of it.
    pub body: Option<Body>,
    /// To whom.
    pub audience: Option<Recipients>,
    /// By what ways.
    pub channels: Option<ChannelSet>,
}

/// An announcement as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// Who announces it; none for the system.
    pub author: Option<UserId>,
    /// What is said, and to whom; none before the first event.
    pub content: Option<AnnouncementContent>,
    /// Where it stands.
    pub state: AnnouncementState,
    /// When it is sent, once that is set.
    pub scheduled: Option<AnnouncementScheduled>,
    /// How many are told, once it is sent.
    pub recipients: Option<u32>,
    /// When it was written.
    pub create_time: Option<Timestamp>,
    /// When the last event occurred.
    pub update_time: Option<Timestamp>,
}

record!(Announcement, "announcement", AnnouncementCommand, AnnouncementEvent);

impl Announcement {
    fn take(&mut self, event: AnnouncementEvent) {
        match event {
            AnnouncementEvent::Drafted(draft) => {
                (self.author, self.content) = (Some(draft.author), Some(draft.content));
            }
            AnnouncementEvent::Changed(change) => self.content = Some(change.to),
            AnnouncementEvent::Scheduled(scheduled) => {
                (self.state, self.scheduled) = (AnnouncementState::Scheduled, Some(scheduled));
            }
            AnnouncementEvent::Sent(sent) => {
                (self.state, self.recipients) = (AnnouncementState::Sent, Some(sent.recipients));
            }
            AnnouncementEvent::Cancelled(_) => self.state = AnnouncementState::Cancelled,
        }
    }

    fn there(&self) -> Result<&AnnouncementContent, RecordError> {
        self.content.as_ref().ok_or(RecordError::NotFound)
    }

    fn must_be(&self, states: &[AnnouncementState]) -> Result<(), RecordError> {
        let refused = RecordError::StateNotAllowed { state: self.state.as_str() };
        if states.contains(&self.state) { Ok(()) } else { Err(refused) }
    }

    /// From its time on an announcement is on its way.
    fn must_not_be_under_way(&self, now: Timestamp) -> Result<(), RecordError> {
        let set = self.scheduled.filter(|_| self.state == AnnouncementState::Scheduled);
        let under_way = set.is_some_and(|set| set.at <= now);
        if under_way { Err(RecordError::StateNotAllowed { state: "sent" }) } else { Ok(()) }
    }

    fn draft(
        &self,
        content: AnnouncementContent,
        around: &Circumstances,
    ) -> Result<Vec<AnnouncementEvent>, RecordError> {
        if self.version > 0 {
            return Err(RecordError::IdTaken);
        }
        let author = around.actor.id().ok_or(RecordError::Forbidden)?;
        let content = checked(content, true, around)?;
        Ok(vec![AnnouncementEvent::Drafted(AnnouncementDrafted { author, content })])
    }

    fn edit(
        &self,
        edit: AnnouncementEdit,
        around: &Circumstances,
    ) -> Result<Vec<AnnouncementEvent>, RecordError> {
        self.must_be(&[AnnouncementState::Draft])?;
        let from = self.there()?.clone();
        let others = edit.audience.is_some();
        let to = AnnouncementContent {
            title: edit.title.unwrap_or_else(|| from.title.clone()),
            body: edit.body.unwrap_or_else(|| from.body.clone()),
            audience: edit.audience.unwrap_or_else(|| from.audience.clone()),
            channels: edit.channels.unwrap_or(from.channels),
        };
        let to = checked(to, others, around)?;
        let changed = from != to;
        let event = AnnouncementEvent::Changed(Change { from, to });
        Ok(changed.then_some(event).into_iter().collect())
    }

    fn schedule(
        &self,
        wanted: AnnouncementScheduled,
        now: Timestamp,
    ) -> Result<Vec<AnnouncementEvent>, RecordError> {
        if self.state == AnnouncementState::Scheduled && self.scheduled == Some(wanted) {
            return Ok(Vec::new());
        }
        self.must_be(&[AnnouncementState::Draft, AnnouncementState::Scheduled])?;
        self.must_not_be_under_way(now)?;
        if wanted.at > now.plus_year() {
            let expected = "a time within the coming year";
            let late = FieldViolation::of("at", Violation::Malformed { expected });
            return Err(RecordError::Invalid(vec![late]));
        }
        Ok(vec![AnnouncementEvent::Scheduled(wanted)])
    }

    /// Whoever has stopped or moved it in time is heard first.
    fn send(&self, at: Timestamp, recipients: u32) -> Result<Vec<AnnouncementEvent>, RecordError> {
        if self.state == AnnouncementState::Sent {
            return Ok(Vec::new());
        }
        self.must_be(&[AnnouncementState::Scheduled])?;
        if self.scheduled.is_none_or(|set| set.at != at) {
            return Err(RecordError::StateNotAllowed { state: self.state.as_str() });
        }
        Ok(vec![AnnouncementEvent::Sent(AnnouncementSent { recipients })])
    }

    fn cancel(&self, reason: Option<Reason>, now: Timestamp) -> Result<Vec<AnnouncementEvent>, RecordError> {
        if self.state == AnnouncementState::Cancelled {
            return Ok(Vec::new());
        }
        self.must_be(&[AnnouncementState::Draft, AnnouncementState::Scheduled])?;
        self.must_not_be_under_way(now)?;
        Ok(vec![AnnouncementEvent::Cancelled(AnnouncementCancelled { reason })])
    }
}

impl Record for Announcement {
    const SHAPE: i32 = 2;

    fn version(&self) -> i64 {
        self.version
    }

    fn is_new(command: &AnnouncementCommand) -> bool {
        matches!(command, AnnouncementCommand::Draft(_))
    }

    fn users(command: &AnnouncementCommand) -> Vec<UserId> {
        let audience = match command {
            AnnouncementCommand::Draft(content) => Some(&content.audience),
            AnnouncementCommand::Edit(edit) => edit.audience.as_ref(),
            AnnouncementCommand::Schedule(_)
            | AnnouncementCommand::Send { .. }
            | AnnouncementCommand::Cancel { .. } => None,
        };
        audience.map(|audience| audience.users.clone()).unwrap_or_default()
    }

    fn authorise(&self, command: &AnnouncementCommand, around: &Circumstances) -> Result<(), RecordError> {
        match command {
            AnnouncementCommand::Draft(_) => around.permit(Action::AnnouncementManage),
            AnnouncementCommand::Send { .. } => {
                around.permit(Action::AnnouncementSend)?;
                self.there().map(drop)
            }
            AnnouncementCommand::Edit(_)
            | AnnouncementCommand::Schedule(_)
            | AnnouncementCommand::Cancel { .. } => {
                around.permit(Action::AnnouncementManage)?;
                self.there().map(drop)
            }
        }
    }

    fn holds(&self) -> Option<(&'static str, String)> {
        None
    }

    fn decide(
        &self,
        command: AnnouncementCommand,
        around: &Circumstances,
    ) -> Result<Vec<AnnouncementEvent>, RecordError> {
        self.authorise(&command, around)?;
        match command {
            AnnouncementCommand::Draft(content) => self.draft(*content, around),
            AnnouncementCommand::Edit(edit) => self.edit(*edit, around),
            AnnouncementCommand::Schedule(wanted) => self.schedule(wanted, around.now),
            AnnouncementCommand::Send { at, recipients } => self.send(at, recipients),
            AnnouncementCommand::Cancel { reason } => self.cancel(reason, around.now),
        }
    }
}

/// Each user once, and everything that is wrong. Users who were named before may have gone since.
fn checked(
    mut content: AnnouncementContent,
    others: bool,
    around: &Circumstances,
) -> Result<AnnouncementContent, RecordError> {
    let mut violations = Vec::new();
    if content.audience.is_empty() {
        violations.push(FieldViolation::of("audience", Violation::Empty));
    }
    if content.audience.users.len() > MAX_USERS {
        violations.push(FieldViolation::of("audience/users", Violation::TooMany { max: MAX_USERS }));
    }
    if content.channels.is_empty() {
        violations.push(FieldViolation::of("channels", Violation::Empty));
    }
    if others {
        violations.extend(around.inactive("audience/users", &content.audience.users));
    }
    valid(violations)?;
    content.audience.users = each_once(content.audience.users);
    Ok(content)
}
