//! Who is told of what: given a task, rules and wishes.

use std::collections::BTreeMap;

use domain::{
    filter::{Filter, FilterOver},
    ids::UserId,
    notice::{MAX_MENTIONS, Named, Notice, Occasion, When, decide, mentioned, rules_in_force},
    notification::{Category, Channel, ChannelSet, ClockTime, Mailing, Mode, Preferences, QuietHours},
    notification_rule::{
        DefaultRule, NotificationRule, RuleDefinition,
        values::{Audience, Group, GroupSet, Template, Trigger},
    },
    personal::Sealed,
    policy::{Role, RoleSet},
    task::{Task, values::Visibility},
    time::TimeZone,
    user::{Device, Platform, User},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::given::{MEMBER, assignee, at, creator, sleeper, stranger, user, watcher};

fn person(name: &str) -> User {
    User {
        name: Some(Sealed(name.into())),
        email: Some(Sealed(name.into())),
        verified: true,
        roles: MEMBER,
        time_zone: Some(TimeZone::parse("Asia/Seoul").unwrap()),
        ..User::default()
    }
}

/// Creator, assignee, watcher and a stranger, all members; one who is deactivated.
fn people() -> BTreeMap<UserId, User> {
    let active = [creator(), assignee(), watcher(), stranger()];
    let mut people: BTreeMap<_, _> = active.into_iter().map(|id| (id, person("Ann"))).collect();
    people.insert(sleeper(), User { deactivated: true, ..person("Eve") });
    people
}

fn task() -> Task {
    Task {
        key: Some(domain::ids::TaskKey(12)),
        creator: Some(creator()),
        assignees: vec![assignee(), sleeper()],
        watchers: vec![watcher()],
        ..Task::default()
    }
}

fn defaults() -> Vec<RuleDefinition> {
    rules_in_force([])
}

struct Given {
    people: BTreeMap<UserId, User>,
    task: Task,
    rules: Vec<RuleDefinition>,
    actor: Option<UserId>,
    subjects: Vec<UserId>,
    mentioned: Vec<UserId>,
    now: &'static str,
}

fn given() -> Given {
    Given {
        people: people(),
        task: task(),
        rules: defaults(),
        actor: Some(creator()),
        subjects: Vec::new(),
        mentioned: Vec::new(),
        now: "2026-11-21T12:00:00Z",
    }
}

impl Given {
    fn told(&self, trigger: &str) -> Vec<Notice> {
        let occasion = Occasion {
            trigger,
            actor: self.actor,
            task: &self.task,
            subjects: &self.subjects,
            mentioned: &self.mentioned,
        };
        decide(&self.rules, &occasion, &self.people, at(self.now))
    }

    /// Who is told by this channel.
    fn by(&self, channel: Channel, trigger: &str) -> Vec<UserId> {
        let told = self.told(trigger).into_iter().filter(|one| one.channel == channel);
        told.map(|one| one.recipient).collect()
    }

    fn prefer(&mut self, id: UserId, category: Category, channel: Channel, mode: Mode) {
        let modes = &mut self.people.get_mut(&id).unwrap().preferences.modes;
        modes.entry(category).or_default().insert(channel, mode);
    }
}

#[test]
fn those_concerned_learn_of_a_new_status_but_not_who_acted_nor_who_is_locked_out() {
    let mut given = given();
    assert_eq!(given.by(Channel::Inbox, "task.started"), [assignee(), watcher()]);
    given.actor = None;
    assert_eq!(given.by(Channel::Inbox, "task.started"), [creator(), assignee(), watcher()]);
    assert_eq!(given.told("task.label_added"), []);
    // By default once a day.
    let mailed = given.told("task.started").into_iter().find(|one| one.channel == Channel::Email).unwrap();
    let (due, day) = (at("2026-11-21T23:00:00Z"), "2026-11-22".parse().unwrap());
    assert_eq!((mailed.when, mailed.template), (When::Digest { day, due }, Template::Status));
}

#[test]
fn who_is_assigned_or_named_learns_so_at_once() {
    let given = Given { subjects: vec![assignee(), creator()], mentioned: vec![stranger()], ..given() };
    let told = given.told("task.assigned");
    let channels: Vec<_> = told.iter().map(|one| (one.recipient, one.channel, one.when)).collect();
    let now = When::Now;
    assert_eq!(channels, [(assignee(), Channel::Email, now), (assignee(), Channel::Inbox, now)]);
    assert_eq!(given.by(Channel::Email, "task.commented"), [assignee(), watcher(), stranger()]);
    let named = given.told("task.commented").into_iter().find(|one| one.recipient == stranger()).unwrap();
    assert_eq!((named.category, named.template, named.when), (Category::Mention, Template::Mention, now));
}

#[test]
fn whoever_is_hit_twice_is_told_once_in_the_words_that_say_most() {
    let given = Given { mentioned: vec![watcher()], ..given() };
    let told: Vec<_> =
        given.told("task.commented").into_iter().filter(|one| one.recipient == watcher()).collect();
    let ways: Vec<_> = told.iter().map(|one| (one.channel, one.category, one.template, one.when)).collect();
    let now = When::Now;
    let expected = [
        // Comments would come with the digest, mentions come at once.
        (Channel::Email, Category::Mention, Template::Mention, now),
        (Channel::Inbox, Category::Mention, Template::Mention, now),
    ];
    assert_eq!(ways, expected);
}

#[test]
fn of_private_tasks_nobody_is_told_who_does_not_see_them() {
    let mut given = Given { mentioned: vec![stranger()], subjects: vec![stranger()], ..given() };
    given.task.visibility = Visibility::Private;
    assert_eq!(given.by(Channel::Inbox, "task.commented"), [assignee(), watcher()]);
    // Whoever was taken off it.
    assert_eq!(given.by(Channel::Inbox, "task.unassigned"), []);
    given.people.get_mut(&assignee()).unwrap().roles = RoleSet::EMPTY;
    assert_eq!(given.by(Channel::Inbox, "task.commented"), [watcher()]);
}

#[test]
fn wishes_count_and_quiet_hours_keep_mails_back() {
    let mut given = Given { subjects: vec![assignee()], ..given() };
    given.prefer(assignee(), Category::Assignment, Channel::Inbox, Mode::Off);
    assert_eq!(given.by(Channel::Inbox, "task.assigned"), []);
    given.prefer(assignee(), Category::Assignment, Channel::Email, Mode::Digest);
    assert!(matches!(given.told("task.assigned")[0].when, When::Digest { .. }));
    given.prefer(assignee(), Category::Assignment, Channel::Email, Mode::Now);
    given.prefer(assignee(), Category::Assignment, Channel::Inbox, Mode::Now);
    let time = |text| ClockTime::parse(text).unwrap();
    let wishes = &mut given.people.get_mut(&assignee()).unwrap().preferences;
    wishes.quiet_hours = Some(QuietHours { from: time("20:00"), to: time("07:30") });
    // Nine in the evening in Seoul.
    let when: Vec<_> = given.told("task.assigned").iter().map(|one| one.when).collect();
    assert_eq!(when, [When::At(at("2026-11-21T22:30:00Z")), When::Now]);
    given.now = "2026-11-21T03:00:00Z";
    assert!(given.told("task.assigned").iter().all(|one| one.when == When::Now));
}

#[test]
fn pushes_need_a_device_and_mails_an_address() {
    let mut given = Given { subjects: vec![assignee()], ..given() };
    assert_eq!(given.by(Channel::Push, "task.assigned"), []);
    let device = Device { id: Uuid::nil().into(), platform: Platform::Android, token: Sealed("t".into()) };
    let user = given.people.get_mut(&assignee()).unwrap();
    (user.devices, user.email) = (vec![device], None);
    assert_eq!(given.by(Channel::Push, "task.assigned"), [assignee()]);
    assert_eq!(given.by(Channel::Email, "task.assigned"), []);
    // A program is nobody to be told.
    given.people.get_mut(&assignee()).unwrap().service_scopes = Some(Default::default());
    assert_eq!(given.told("task.assigned"), []);
}

fn rule(replaces: Option<DefaultRule>) -> RuleDefinition {
    let given = DefaultRule::StatusChanged.definition();
    RuleDefinition { replaces, ..given }
}

fn made(id: u8, definition: RuleDefinition) -> (Uuid, NotificationRule) {
    let record = NotificationRule { version: 1, definition: Some(definition), ..NotificationRule::default() };
    (user(id).0, record)
}

fn in_force(rules: &[(Uuid, NotificationRule)]) -> Vec<RuleDefinition> {
    rules_in_force(rules.iter().map(|(id, rule)| (*id, rule)))
}

#[test]
fn a_rule_stands_in_place_of_a_default_even_if_it_is_disabled() {
    assert_eq!(in_force(&[]).len(), DefaultRule::ALL.len());
    let off = RuleDefinition { enabled: false, ..rule(Some(DefaultRule::StatusChanged)) };
    let mut given = Given { rules: in_force(&[made(1, off)]), ..given() };
    assert_eq!(given.told("task.started"), []);
    let deleted = NotificationRule { version: 2, ..NotificationRule::default() };
    given.rules = in_force(&[(user(1).0, deleted)]);
    assert_eq!(given.by(Channel::Inbox, "task.started"), [assignee(), watcher()]);
}

#[test]
fn rules_of_ones_own_ask_for_what_they_like() {
    let audience = Audience {
        groups: GroupSet::of(&[Group::Creator]),
        roles: RoleSet::of(&[Role::Manager]),
        users: vec![stranger(), user(77)],
    };
    let urgent = RuleDefinition {
        event_types: vec![Trigger::parse("task.*").unwrap()],
        filter: Some(Filter::parse("priority = urgent AND actor != none", FilterOver::Events).unwrap()),
        audience,
        channels: ChannelSet::of(&[Channel::Inbox]),
        ..rule(None)
    };
    let mut given = Given { rules: in_force(&[made(1, urgent)]), ..given() };
    given.people.get_mut(&watcher()).unwrap().roles = RoleSet::of(&[Role::Member, Role::Manager]);
    assert_eq!(given.told("task.label_added"), []);
    given.task.priority = "urgent".parse().unwrap();
    assert_eq!(given.told("task.label_added").len(), 2);
    assert_eq!(given.by(Channel::Inbox, "task.label_added"), [watcher(), stranger()]);
    given.actor = None;
    assert_eq!(given.told("task.label_added"), []);
}

#[test]
fn mails_are_ended_by_kind() {
    let wishes = Preferences::default();
    let off = |wishes: &Preferences, category| wishes.mode(category, Channel::Email) == Mode::Off;
    let ended = wishes.without("mention".parse().unwrap());
    assert!(off(&ended, Category::Mention) && !off(&ended, Category::Comment));
    assert_eq!(ended.mode(Category::Mention, Channel::Inbox), Mode::Now);
    let ended = wishes.without(Mailing::Digest);
    assert!(
        off(&ended, Category::Status) && off(&ended, Category::Comment) && !off(&ended, Category::Mention)
    );
    assert_eq!(ended.without(Mailing::Digest), ended);
    assert!("digests".parse::<Mailing>().is_err());
    assert_eq!(Mailing::Digest.to_string().parse::<Mailing>().unwrap(), Mailing::Digest);
}

fn named() -> Vec<Named> {
    let one = |n, name: &str, email: Option<&str>| Named {
        id: user(n),
        name: name.into(),
        email: email.map(Into::into),
    };
    vec![
        one(1, "Ann", Some("Ann.Lee@example.com")),
        one(2, "Ann Lee", None),
        one(3, "김하늘", Some("kim@example.com")),
        one(4, "김하", None),
        one(5, "Bob", None),
        one(6, "Bob", Some("bob@example.com")),
    ]
}

fn names(text: &str) -> Vec<u8> {
    let named = mentioned(text, &named());
    (1..=6).filter(|n| named.contains(&user(*n))).collect()
}

#[test]
fn people_are_named_by_name_address_or_id() {
    assert_eq!(names("@ann, have a look"), [1]);
    assert_eq!(names("see @Ann Lee."), [2]);
    assert_eq!(names("@Anna and @Annlee"), [0u8; 0]);
    assert_eq!(names("(@ann.lee@EXAMPLE.com)"), [1]);
    assert_eq!(names("@김하늘에게, @김하 님"), [3, 4]);
    assert_eq!(names(&format!("@{}", user(5))), [5]);
    assert_eq!(names("@bob"), [5, 6]);
    assert_eq!(names("@bob@example.com"), [6]);
}

#[test]
fn what_only_looks_like_a_mention_is_none() {
    for text in [
        "",
        "@",
        "ann@example.com, x@bob, a.@bob",
        "`@bob` and ```\n@ann\n``` and ``a ` @bob``",
        "https://example.com/@bob",
        "@ bob",
        "@@bob",
    ] {
        assert_eq!(names(text), [0u8; 0], "{text}");
    }
    assert_eq!(names("a ` that ends nowhere @bob"), [5, 6]);
    assert_eq!(names(&format!("{}@bob", "@nobody ".repeat(MAX_MENTIONS))), [0u8; 0]);
}

proptest! {
    #[test]
    fn any_text_names_only_those_there_are(text in "[@`a-zA-Z김하늘 .\\n]{0,200}") {
        let known = named();
        prop_assert!(mentioned(&text, &known).iter().all(|id| known.iter().any(|one| one.id == *id)));
    }

    #[test]
    fn nobody_is_told_who_acted_does_not_see_it_or_does_not_want_it(
        private: bool, actor in 1_u8..6, mentions in prop::collection::vec(1_u8..10, 0..4), off: bool,
        trigger in prop::sample::select(vec!["task.created", "task.commented", "task.started", "task.deleted"]),
    ) {
        let mentioned: Vec<_> = mentions.into_iter().map(user).collect();
        let mut given = Given { actor: Some(user(actor)), subjects: mentioned.clone(), mentioned, ..given() };
        given.task.visibility = if private { Visibility::Private } else { Visibility::Team };
        if off {
            for category in Category::ALL {
                given.prefer(watcher(), *category, Channel::Inbox, Mode::Off);
                given.prefer(watcher(), *category, Channel::Email, Mode::Off);
            }
        }
        let told = given.told(trigger);
        let mut ways: Vec<_> = told.iter().map(|one| (one.recipient, one.channel)).collect();
        let count = ways.len();
        ways.dedup();
        prop_assert_eq!(ways.len(), count);
        for one in told {
            prop_assert!(one.recipient != user(actor) && one.recipient != sleeper());
            prop_assert!(!(private && one.recipient == stranger()));
            prop_assert!(!(off && one.recipient == watcher()));
        }
    }
}
