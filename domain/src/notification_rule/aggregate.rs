//! The state of a rule, and how it decides.

use serde::{Deserialize, Serialize};

use super::{
    NotificationRuleCommand, NotificationRuleEvent, RuleDefinition,
    values::{MAX_TRIGGERS, MAX_USERS},
};
use crate::{
    event::{Change, Nothing},
    ids::UserId,
    policy::Action,
    record::{Circumstances, Record, RecordError, each_once, record, valid},
    time::Timestamp,
    violation::{FieldViolation, Violation},
};

/// A rule as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NotificationRule {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// What it says; none before the first event and after the last.
    pub definition: Option<RuleDefinition>,
    /// When it was made.
    pub create_time: Option<Timestamp>,
    /// When the last event occurred.
    pub update_time: Option<Timestamp>,
}

record!(NotificationRule, "notification_rule", NotificationRuleCommand, NotificationRuleEvent);

impl NotificationRule {
    fn take(&mut self, event: NotificationRuleEvent) {
        self.definition = match event {
            NotificationRuleEvent::Created(definition) => Some(definition),
            NotificationRuleEvent::Changed(change) => Some(change.to),
            NotificationRuleEvent::Deleted(_) => None,
        };
    }

    fn there(&self) -> Result<&RuleDefinition, RecordError> {
        self.definition.as_ref().ok_or(RecordError::NotFound)
    }
}

impl Record for NotificationRule {
    const SHAPE: i32 = 1;

    fn version(&self) -> i64 {
        self.version
    }

    fn is_new(command: &NotificationRuleCommand) -> bool {
        matches!(command, NotificationRuleCommand::Create(_))
    }

    fn users(command: &NotificationRuleCommand) -> Vec<UserId> {
        let audience = match command {
            NotificationRuleCommand::Create(definition) => Some(&definition.audience),
            NotificationRuleCommand::Edit(edit) => edit.audience.as_ref(),
            NotificationRuleCommand::Delete => None,
        };
        audience.map(|audience| audience.users.clone()).unwrap_or_default()
    }

    fn authorise(
        &self,
        command: &NotificationRuleCommand,
        around: &Circumstances,
    ) -> Result<(), RecordError> {
        around.permit(Action::NotificationRuleManage)?;
        match command {
            NotificationRuleCommand::Create(_) => Ok(()),
            NotificationRuleCommand::Edit(_) | NotificationRuleCommand::Delete => self.there().map(drop),
        }
    }

    fn holds(&self) -> Option<(&'static str, String)> {
        let replaced = self.definition.as_ref()?.replaces?;
        Some(("notification_rule.replaces", replaced.to_string()))
    }

    fn decide(
        &self,
        command: NotificationRuleCommand,
        around: &Circumstances,
    ) -> Result<Vec<NotificationRuleEvent>, RecordError> {
        self.authorise(&command, around)?;
        match command {
            NotificationRuleCommand::Create(_) if self.version > 0 => Err(RecordError::IdTaken),
            NotificationRuleCommand::Create(definition) => {
                let definition = checked(*definition, true, around)?;
                Ok(vec![NotificationRuleEvent::Created(definition)])
            }
            NotificationRuleCommand::Edit(edit) => {
                let from = self.there()?.clone();
                let others = edit.audience.is_some();
                let to = checked(edit.of(&from), others, around)?;
                let changed = NotificationRuleEvent::Changed(Change { from: from.clone(), to: to.clone() });
                Ok((from != to).then_some(changed).into_iter().collect())
            }
            NotificationRuleCommand::Delete => Ok(vec![NotificationRuleEvent::Deleted(Nothing {})]),
        }
    }
}

/// Each entry once, and everything that is wrong. Users who were named before may have gone since.
fn checked(
    mut rule: RuleDefinition,
    others: bool,
    around: &Circumstances,
) -> Result<RuleDefinition, RecordError> {
    rule.event_types = each_once(rule.event_types);
    let mut violations = Vec::new();
    let mut refuse = |member, violation| violations.push(FieldViolation::of(member, violation));
    if rule.event_types.is_empty() {
        refuse("event_types", Violation::Empty);
    }
    if rule.event_types.len() > MAX_TRIGGERS {
        refuse("event_types", Violation::TooMany { max: MAX_TRIGGERS });
    }
    if rule.audience.is_empty() {
        refuse("audience", Violation::Empty);
    }
    if rule.channels.is_empty() {
        refuse("channels", Violation::Empty);
    }
    if rule.audience.users.len() > MAX_USERS {
        refuse("audience/users", Violation::TooMany { max: MAX_USERS });
    }
    if others {
        violations.extend(around.inactive("audience/users", &rule.audience.users));
    }
    valid(violations)?;
    rule.audience.users = each_once(rule.audience.users);
    Ok(rule)
}
