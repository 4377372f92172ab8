//! Which rules hold.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::notification_rule::{DefaultRule, NotificationRule, RuleDefinition};

/// The rules that hold: those that somebody made and that are enabled, the oldest first, then the defaults that nobody has
/// replaced.
pub fn rules_in_force<'a>(
    made: impl IntoIterator<Item = (Uuid, &'a NotificationRule)>,
) -> Vec<RuleDefinition> {
    let made: BTreeMap<Uuid, &RuleDefinition> =
        made.into_iter().filter_map(|(id, rule)| Some((id, rule.definition.as_ref()?))).collect();
    let replaced = |default: &DefaultRule| made.values().any(|rule| rule.replaces == Some(*default));
    let defaults = DefaultRule::ALL.iter().filter(|default| !replaced(default)).map(|one| one.definition());
    made.values().filter(|rule| rule.enabled).map(|rule| (*rule).clone()).chain(defaults).collect()
}
