//! Rules about notices: who may make them, what they may say, and those that hold from the beginning.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    event::{Change, Nothing},
    filter::{Filter, FilterOver},
    notification::{Category, Channel, ChannelSet},
    notification_rule::{
        DefaultRule, NotificationRule, NotificationRuleCommand as Command, NotificationRuleEvent as Event,
        RuleDefinition, RuleEdit,
        values::{Audience, Group, GroupSet, MAX_TRIGGERS, RuleName, Template, Trigger},
    },
    policy::{Role, RoleSet},
    record::{Circumstances, Record, RecordError},
    violation::{FieldViolation, Violation},
};
use uuid::Uuid;

use crate::given::{creator, member, member_and, noon, sleeper, user};

pub(crate) fn around(actor: Actor) -> Circumstances {
    Circumstances { id: Uuid::from_u128(5), actor, now: noon(), active: BTreeSet::from([user(1), user(2)]) }
}

fn admin() -> Actor {
    member_and(creator(), Role::Admin)
}

pub(crate) fn definition() -> RuleDefinition {
    RuleDefinition {
        name: RuleName::parse("Roofs").unwrap(),
        category: Category::Change,
        event_types: vec![Trigger::parse("task.*").unwrap(), Trigger::parse("reminder.overdue").unwrap()],
        filter: Some(Filter::parse("label = roof", FilterOver::Events).unwrap()),
        audience: Audience {
            groups: GroupSet::of(&[Group::Watchers]),
            roles: RoleSet::of(&[Role::Manager]),
            users: vec![user(2)],
        },
        channels: ChannelSet::of(&[Channel::Inbox]),
        template: Template::Change,
        enabled: true,
        replaces: None,
    }
}

fn when(actor: Actor, before: &[Event], command: Command) -> Result<Vec<Event>, RecordError> {
    TestFramework::<NotificationRule>::with(around(actor))
        .given(before.to_vec())
        .when(command)
        .inspect_result()
}

fn create(definition: RuleDefinition) -> Command {
    Command::Create(Box::new(definition))
}

fn edit(edit: RuleEdit) -> Command {
    Command::Edit(Box::new(edit))
}

#[test]
fn a_rule_is_made_changed_and_deleted_by_admins() {
    let made = vec![Event::Created(definition())];
    assert_eq!(when(admin(), &[], create(definition())), Ok(made.clone()));
    assert_eq!(when(admin(), &made, create(definition())), Err(RecordError::IdTaken));
    let off = RuleEdit { enabled: Some(false), ..RuleEdit::default() };
    let to = RuleDefinition { enabled: false, ..definition() };
    let changed = Event::Changed(Change { from: definition(), to });
    assert_eq!(when(admin(), &made, edit(off.clone())), Ok(vec![changed.clone()]));
    let twice = [made.clone(), vec![changed]].concat();
    assert_eq!(when(admin(), &twice, edit(off.clone())), Ok(vec![]));
    assert_eq!(when(admin(), &twice, Command::Delete), Ok(vec![Event::Deleted(Nothing {})]));
    let gone = [twice, vec![Event::Deleted(Nothing {})]].concat();
    for command in [Command::Delete, edit(off)] {
        assert_eq!(when(admin(), &gone, command.clone()), Err(RecordError::NotFound));
        assert_eq!(when(admin(), &[], command), Err(RecordError::NotFound));
    }
    assert_eq!(when(admin(), &gone, create(definition())), Err(RecordError::IdTaken));
    for actor in [member(creator()), member_and(creator(), Role::Manager), Actor::Anonymous] {
        assert_eq!(when(actor, &made, Command::Delete), Err(RecordError::Forbidden));
        assert_eq!(when(actor, &[], create(definition())), Err(RecordError::Forbidden));
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let many = |count: usize| vec!["task.*"; count].into_iter().map(|name| Trigger::parse(name).unwrap());
    let bad = RuleDefinition {
        event_types: Vec::new(),
        audience: Audience::default(),
        channels: ChannelSet::EMPTY,
        ..definition()
    };
    let empty = |member| FieldViolation::of(member, Violation::Empty);
    let expected = vec![empty("event_types"), empty("audience"), empty("channels")];
    assert_eq!(when(admin(), &[], create(bad)), Err(RecordError::Invalid(expected)));
    let repeated = RuleDefinition { event_types: many(MAX_TRIGGERS + 5).collect(), ..definition() };
    let once = RuleDefinition { event_types: many(1).collect(), ..definition() };
    assert_eq!(when(admin(), &[], create(repeated)), Ok(vec![Event::Created(once)]));
}

/// Whoever is named anew must be active; who was named before may have gone.
#[test]
fn those_who_are_named_are_active() {
    let audience = Audience { users: vec![user(1), sleeper()], ..Audience::default() };
    let named = RuleDefinition { audience: audience.clone(), ..definition() };
    let violation = Violation::UserNotActive { user: sleeper() };
    let expected = RecordError::Invalid(vec![FieldViolation::of_entry("audience/users", 1, violation)]);
    assert_eq!(when(admin(), &[], create(named.clone())), Err(expected.clone()));
    let before = [Event::Created(named)];
    let again = RuleEdit { audience: Some(audience), ..RuleEdit::default() };
    assert_eq!(when(admin(), &before, edit(again)), Err(expected));
    let off = RuleEdit { enabled: Some(false), ..RuleEdit::default() };
    assert_eq!(when(admin(), &before, edit(off)).unwrap().len(), 1);
}

#[test]
fn defaults_are_rules_that_could_be_made() {
    for default in DefaultRule::ALL {
        let definition = default.definition();
        for trigger in &definition.event_types {
            assert_eq!(Trigger::parse(trigger.as_str()).as_ref(), Ok(trigger));
        }
        assert_eq!(RuleName::parse(definition.name.as_str()), Ok(definition.name.clone()));
        let made = when(admin(), &[], create(definition.clone()));
        assert_eq!(made, Ok(vec![Event::Created(definition)]), "{default}");
    }
}

#[test]
fn one_rule_at_a_time_stands_in_the_place_of_a_default() {
    let fold = |events: &[Event]| {
        let mut rule = NotificationRule::default();
        events.iter().cloned().for_each(|event| cqrs_es::Aggregate::apply(&mut rule, event));
        rule.holds()
    };
    let made = Event::Created(DefaultRule::Commented.definition());
    let held = Some(("notification_rule.replaces", "commented".to_owned()));
    assert_eq!(fold(std::slice::from_ref(&made)), held);
    assert_eq!(fold(&[made, Event::Deleted(Nothing {})]), None);
    assert_eq!(fold(&[Event::Created(definition())]), None);
}

#[test]
fn triggers_are_events_or_reminders() {
    let told: BTreeMap<&str, [bool; 3]> = [
        ("task.commented", [true, false, false]),
        ("task.*", [true, true, false]),
        ("*", [true, true, true]),
        ("reminder.overdue", [false, false, true]),
    ]
    .into();
    for (trigger, expected) in told {
        let trigger = Trigger::parse(trigger).unwrap();
        let names = ["task.commented", "task.created", "reminder.overdue"];
        assert_eq!(names.map(|name| trigger.matches(name)), expected, "{trigger}");
    }
    for bad in ["", "reminder.*", "reminder.never", "tusk.*"] {
        assert!(Trigger::parse(bad).is_err(), "{bad}");
    }
}
