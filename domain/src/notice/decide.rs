//! The decision itself.

use std::collections::{BTreeMap, btree_map::Entry};

use chrono::NaiveDate;

use super::{People, audience::recipients};
use crate::{
    filter::{EventFacts, Subject},
    ids::UserId,
    notification::{Category, Channel, Mode},
    notification_rule::{RuleDefinition, values::Template},
    task::Task,
    time::{TimeZone, Timestamp},
    user::User,
};

/// What rules go by: an event about a task, or a reminder of one.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The event's type without the version, or the reminder.
    pub trigger: &'a str,
    /// Who acted.
    pub actor: Option<UserId>,
    /// The task as it is then.
    pub task: &'a Task,
    /// Whom the event assigned or unassigned.
    pub subjects: &'a [UserId],
    /// Whom the comment names.
    pub mentioned: &'a [UserId],
}

/// Somebody is told by one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who.
    pub recipient: UserId,
    /// By what way.
    pub channel: Channel,
    /// Which of their preferences counted.
    pub category: Category,
    /// In which words.
    pub template: Template,
    /// When.
    pub when: When,
}

/// When somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// After quiet hours.
    At(Timestamp),
    /// Together with what else there is.
    Digest {
        /// The day where the person lives; each has one digest.
        day: NaiveDate,
        /// When that is mailed.
        due: Timestamp,
    },
}

/// Who is told of it. Whoever is hit by several rules is told once by each way: at once if any of them says so, and in the
/// words that say most.
///
/// `people` knows all who are concerned, and everybody if a rule means the holders of a role.
pub fn decide(
    rules: &[RuleDefinition],
    occasion: &Occasion<'_>,
    people: &impl People,
    now: Timestamp,
) -> Vec<Notice> {
    let mut told: BTreeMap<(UserId, Channel), Wish> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| holds(rule, occasion)) {
        for (recipient, user) in recipients(&rule.audience, occasion, people) {
            for channel in rule.channels.iter().filter(|channel| reaches(user, *channel)) {
                let Some(wish) = Wish::of(rule, user, channel) else { continue };
                match told.entry((recipient, channel)) {
                    Entry::Vacant(vacant) => drop(vacant.insert(wish)),
                    Entry::Occupied(mut known) if wish.strength() > known.get().strength() => {
                        known.insert(wish);
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
    }
    let notice = |((recipient, channel), wish): ((UserId, Channel), Wish)| {
        let when = people.get(recipient).map_or(When::Now, |user| wish.when(user, channel, now));
        Notice { recipient, channel, category: wish.category, template: wish.template, when }
    };
    told.into_iter().map(notice).collect()
}

fn holds(rule: &RuleDefinition, occasion: &Occasion<'_>) -> bool {
    let event = EventFacts { event_type: occasion.trigger, actor: occasion.actor };
    let subject = Subject { task: Some(occasion.task.into()), event: Some(event), me: None };
    rule.goes_by(occasion.trigger) && rule.filter.as_ref().is_none_or(|filter| filter.matches(&subject))
}

/// Whether there is anything to reach the person by.
pub(crate) fn reaches(user: &User, channel: Channel) -> bool {
    match channel {
        Channel::Email => user.email.is_some(),
        Channel::Push => !user.devices.is_empty(),
        Channel::Inbox => true,
    }
}

/// How one rule would have somebody told.
#[derive(Clone, Copy, Debug)]
struct Wish {
    digest: bool,
    category: Category,
    template: Template,
}

impl Wish {
    fn of(rule: &RuleDefinition, user: &User, channel: Channel) -> Option<Self> {
        let digest = match user.preferences.mode(rule.category, channel) {
            Mode::Off => return None,
            Mode::Now => false,
            Mode::Digest => true,
        };
        Some(Self { digest, category: rule.category, template: rule.template })
    }

    fn strength(&self) -> (bool, u8) {
        (!self.digest, telling(self.template))
    }

    fn when(&self, user: &User, channel: Channel, now: Timestamp) -> When {
        let home = user.time_zone.unwrap_or(TimeZone::UTC);
        let wishes = &user.preferences;
        if self.digest {
            let due = wishes.next_digest(now, home);
            return When::Digest { day: wishes.day(due, home), due };
        }
        wishes.quiet_until(channel, now, home).map_or(When::Now, When::At)
    }
}

/// How much words say to the one whom they are for.
fn telling(template: Template) -> u8 {
    match template {
        Template::Mention => 3,
        Template::Assignment => 2,
        Template::Status
        | Template::Reopened
        | Template::Comment
        | Template::DueSoon
        | Template::Overdue
        | Template::Escalated
        | Template::Unblocked => 1,
        Template::Change => 0,
    }
}
