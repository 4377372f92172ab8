//! Notification rules, from the log itself.

use domain::notification_rule::{self, RuleDefinition};
use event_store::{LoadError, Log, LogError, load};
use uuid::Uuid;

use crate::model::{NotificationRule, RuleRecipients};

/// The ids of the rules made after a position, each with the position where it was made, the oldest first.
pub async fn rules_made(log: &Log, after: i64, limit: i64) -> Result<Vec<(i64, Uuid)>, LogError> {
    let made = log.read_types(after, &["notification_rule.created"], limit).await?;
    Ok(made.into_iter().map(|event| (event.position, event.aggregate_id)).collect())
}

/// A rule as it stands; none if there is none, or none any more.
pub async fn rule(log: &Log, id: Uuid) -> Result<Option<NotificationRule>, LoadError> {
    let loaded = load::<notification_rule::NotificationRule>(log, id).await?;
    Ok(shown(id, loaded.aggregate))
}

fn shown(id: Uuid, rule: notification_rule::NotificationRule) -> Option<NotificationRule> {
    let RuleDefinition {
        name,
        category,
        event_types,
        filter,
        audience,
        channels,
        template,
        enabled,
        replaces,
    } = rule.definition?;
    Some(NotificationRule {
        id,
        version: rule.version,
        name: name.to_string(),
        category: category.as_str(),
        event_types: event_types.iter().map(ToString::to_string).collect(),
        filter: filter.map(|filter| filter.to_string()),
        audience: RuleRecipients {
            groups: audience.groups.iter().map(|group| group.as_str()).collect(),
            roles: audience.roles.iter().map(|role| role.as_str()).collect(),
            users: audience.users.iter().map(|user| user.0).collect(),
        },
        channels: channels.iter().map(|channel| channel.as_str()).collect(),
        template: template.as_str(),
        enabled,
        replaces: replaces.map(|default| default.as_str()),
        create_time: rule.create_time?,
        update_time: rule.update_time?,
    })
}
