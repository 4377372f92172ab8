//! The state of a webhook, and how it decides.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    SecretRotated, WebhookCommand, WebhookDefinition, WebhookDisabled, WebhookEvent, WebhookPaused,
    values::{DisabledReason, MAX_ENDPOINTS, MAX_EVENT_TYPES, MAX_HEADERS, Signature, Start, WebhookState},
};
use crate::{
    actor::Actor,
    event::{Change, Nothing},
    ids::{SecretId, UserId},
    policy::Action,
    record::{Bound, Circumstances, Record, RecordError, each_once, record, valid},
    time::Timestamp,
    violation::{FieldViolation, Violation},
};

/// What one owner has one endpoint of: an address with a filter.
const TARGET: &str = "webhook.target";
/// How long an old secret signs beside the new one.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// A webhook as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// Whose it is; none before the first event.
    pub owner: Option<UserId>,
    /// What it wants; none before the first event and after the last.
    pub definition: Option<WebhookDefinition>,
    /// Whether events are sent.
    pub state: WebhookState,
    /// Why they are not any more.
    pub disabled_reason: Option<DisabledReason>,
    /// From where on it got events.
    pub start: Start,
    /// What signs.
    pub secret: Option<SecretId>,
    /// How it signs.
    #[serde(default)]
    pub signature: Signature,
    /// When it was made.
    pub create_time: Option<Timestamp>,
    /// When the last event occurred.
    pub update_time: Option<Timestamp>,
}

record!(Webhook, "webhook", WebhookCommand, WebhookEvent);

impl Webhook {
    fn take(&mut self, event: WebhookEvent) {
        match event {
            WebhookEvent::Created(created) => {
                self.owner = Some(created.owner);
                self.definition = Some(created.definition);
                self.start = created.start;
                self.secret = Some(created.secret);
                self.signature = created.signature;
            }
            WebhookEvent::Changed(change) => self.definition = Some(change.to),
            WebhookEvent::SecretRotated(rotated) => self.secret = Some(rotated.to),
            WebhookEvent::Paused(_) => self.state = WebhookState::Paused,
            WebhookEvent::Resumed(_) => {
                (self.state, self.disabled_reason) = (WebhookState::Enabled, None);
            }
            WebhookEvent::Disabled(disabled) => {
                (self.state, self.disabled_reason) = (WebhookState::Disabled, Some(disabled.reason));
            }
            WebhookEvent::TestRequested(_) | WebhookEvent::ReplayRequested(_) => {}
            WebhookEvent::Deleted(_) => self.definition = None,
        }
    }

    fn there(&self) -> Result<&WebhookDefinition, RecordError> {
        self.definition.as_ref().ok_or(RecordError::NotFound)
    }

    /// Nobody learns that others have an endpoint.
    fn must_be_owned(&self, around: &Circumstances) -> Result<(), RecordError> {
        let own =
            around.actor == Actor::System || around.actor.id().is_some() && around.actor.id() == self.owner;
        if own { self.there().map(drop) } else { Err(RecordError::NotFound) }
    }

    fn must_be_owned_or_operated(&self, around: &Circumstances) -> Result<(), RecordError> {
        match around.permit(Action::Operate) {
            Ok(()) => self.there().map(drop),
            Err(_) => self.must_be_owned(around),
        }
    }

    fn rotate(&self, to: SecretId, now: Timestamp) -> Vec<WebhookEvent> {
        let rotated = self.secret.filter(|from| *from != to).map(|from| {
            WebhookEvent::SecretRotated(SecretRotated { from, to, both_until: now.plus(OVERLAP) })
        });
        rotated.into_iter().collect()
    }

    fn pause(&self, event: WebhookPaused) -> Result<Vec<WebhookEvent>, RecordError> {
        match self.state {
            WebhookState::Enabled => Ok(vec![WebhookEvent::Paused(event)]),
            WebhookState::Paused => Ok(Vec::new()),
            WebhookState::Disabled => Err(RecordError::StateNotAllowed { state: self.state.as_str() }),
        }
    }
}

impl Record for Webhook {
    const SHAPE: i32 = 1;

    fn version(&self) -> i64 {
        self.version
    }

    fn is_new(command: &WebhookCommand) -> bool {
        matches!(command, WebhookCommand::Create(_))
    }

    fn users(_: &WebhookCommand) -> Vec<UserId> {
        Vec::new()
    }

    fn authorise(&self, command: &WebhookCommand, around: &Circumstances) -> Result<(), RecordError> {
        match command {
            WebhookCommand::Create(created) => {
                around.permit(Action::WebhookManage)?;
                let own = around.actor.id() == Some(created.owner);
                if own { Ok(()) } else { Err(RecordError::Forbidden) }
            }
            WebhookCommand::Edit(_) | WebhookCommand::RotateSecret { .. } | WebhookCommand::Delete => {
                around.permit(Action::WebhookManage)?;
                self.must_be_owned(around)
            }
            WebhookCommand::Pause { .. }
            | WebhookCommand::Disable { .. }
            | WebhookCommand::Resume
            | WebhookCommand::Test(_)
            | WebhookCommand::Replay(_) => {
                around.permit(Action::WebhookControl)?;
                self.must_be_owned_or_operated(around)
            }
        }
    }

    /// The same events are sent to the same place once only. Values of one owner begin alike.
    fn holds(&self) -> Option<(&'static str, String)> {
        let (owner, definition) = (self.owner?, self.definition.as_ref()?);
        let filter = definition.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        let digest = Sha256::digest(format!("{}\n{filter}", definition.url));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some((TARGET, format!("{owner}/{digest}")))
    }

    fn bound(&self) -> Option<Bound> {
        let owner = self.owner?;
        Some(Bound { scope: TARGET, prefix: format!("{owner}/"), most: MAX_ENDPOINTS })
    }

    fn decide(
        &self,
        command: WebhookCommand,
        around: &Circumstances,
    ) -> Result<Vec<WebhookEvent>, RecordError> {
        self.authorise(&command, around)?;
        match command {
            WebhookCommand::Create(_) if self.version > 0 => Err(RecordError::IdTaken),
            WebhookCommand::Create(mut created) => {
                created.definition = checked(created.definition)?;
                Ok(vec![WebhookEvent::Created(*created)])
            }
            WebhookCommand::Edit(edit) => {
                let from = self.there()?.clone();
                let to = checked(edit.of(&from))?;
                let changed = from != to;
                let event = WebhookEvent::Changed(Change { from, to });
                Ok(changed.then_some(event).into_iter().collect())
            }
            WebhookCommand::RotateSecret { secret } => Ok(self.rotate(secret, around.now)),
            WebhookCommand::Pause { reason } => self.pause(WebhookPaused { reason }),
            WebhookCommand::Resume if self.state == WebhookState::Enabled => Ok(Vec::new()),
            WebhookCommand::Resume => Ok(vec![WebhookEvent::Resumed(Nothing {})]),
            WebhookCommand::Disable { .. } if self.state == WebhookState::Disabled => Ok(Vec::new()),
            WebhookCommand::Disable { reason } => {
                Ok(vec![WebhookEvent::Disabled(WebhookDisabled { reason })])
            }
            WebhookCommand::Test(test) => Ok(vec![WebhookEvent::TestRequested(test)]),
            WebhookCommand::Replay(_) if self.state == WebhookState::Disabled => {
                Err(RecordError::StateNotAllowed { state: self.state.as_str() })
            }
            WebhookCommand::Replay(replay) => Ok(vec![WebhookEvent::ReplayRequested(replay)]),
            WebhookCommand::Delete => Ok(vec![WebhookEvent::Deleted(Nothing {})]),
        }
    }
}

fn checked(mut definition: WebhookDefinition) -> Result<WebhookDefinition, RecordError> {
    definition.event_types = each_once(definition.event_types);
    let mut violations = Vec::new();
    let mut refuse = |member, violation| violations.push(FieldViolation::of(member, violation));
    if definition.event_types.is_empty() {
        refuse("event_types", Violation::Empty);
    }
    if definition.event_types.len() > MAX_EVENT_TYPES {
        refuse("event_types", Violation::TooMany { max: MAX_EVENT_TYPES });
    }
    if definition.headers.len() > MAX_HEADERS {
        refuse("headers", Violation::TooMany { max: MAX_HEADERS });
    }
    valid(violations)?;
    Ok(definition)
}
