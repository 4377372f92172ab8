//! Announcements: who makes them, and until when they can be changed and stopped.

use std::collections::BTreeSet;

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    announcement::{
        Announcement, AnnouncementCancelled, AnnouncementCommand as Command, AnnouncementContent,
        AnnouncementDrafted, AnnouncementEdit, AnnouncementEvent as Event, AnnouncementScheduled,
        AnnouncementSent,
        values::{Body, Headline, Recipients},
    },
    event::Change,
    notification::{Category, Channel, ChannelSet, ClockTime, Mode, QuietHours},
    personal::Sealed,
    policy::{Role, RoleSet, ScopeSet},
    record::{Circumstances, RecordError},
    task::values::Reason,
    time::TimeZone,
    user::User,
    violation::{FieldViolation, Violation},
};
use uuid::Uuid;

use crate::given::{at, creator, member, member_and, noon, sleeper, user};

fn content() -> AnnouncementContent {
    AnnouncementContent {
        title: Headline::parse("지붕 공사").unwrap(),
        body: Body::parse("The roof is *open* on Monday.").unwrap(),
        audience: Recipients { everyone: false, roles: RoleSet::of(&[Role::Member]), users: vec![user(2)] },
        channels: ChannelSet::ALL,
    }
}

fn drafted() -> Event {
    Event::Drafted(AnnouncementDrafted { author: creator(), content: content() })
}

fn time(text: &str) -> AnnouncementScheduled {
    AnnouncementScheduled { at: at(text), zone: TimeZone::parse("Asia/Seoul").unwrap() }
}

/// One of each, in the order of the variants.
pub(crate) fn events() -> Vec<Event> {
    let everyone = Recipients { everyone: true, ..Recipients::default() };
    let to = AnnouncementContent { audience: everyone, ..content() };
    vec![
        drafted(),
        Event::Changed(Change { from: content(), to }),
        Event::Scheduled(time("2026-11-23T00:00:00Z")),
        Event::Sent(AnnouncementSent { recipients: 12 }),
        Event::Cancelled(AnnouncementCancelled { reason: Some(Reason::parse("it rains").unwrap()) }),
    ]
}

fn announcer() -> Actor {
    Actor::User { id: creator(), roles: RoleSet::of(&[Role::Announcer]) }
}

fn when(actor: Actor, before: &[Event], command: Command) -> Result<Vec<Event>, RecordError> {
    let active = BTreeSet::from([user(1), user(2)]);
    let around = Circumstances { id: Uuid::from_u128(5), actor, now: noon(), active };
    TestFramework::<Announcement>::with(around).given(before.to_vec()).when(command).inspect_result()
}

/// Somebody who is there, but can be told nothing outside.
fn active() -> User {
    User { name: Some(Sealed("Ann".to_owned())), verified: true, ..User::default() }
}

fn draft(content: AnnouncementContent) -> Command {
    Command::Draft(Box::new(content))
}

fn retitle() -> Command {
    let title = Some(Headline::parse("Roof").unwrap());
    Command::Edit(Box::new(AnnouncementEdit { title, ..AnnouncementEdit::default() }))
}

#[test]
fn announcers_and_admins_announce() {
    for actor in [announcer(), member_and(creator(), Role::Admin)] {
        assert_eq!(when(actor, &[], draft(content())), Ok(vec![drafted()]));
        assert!(when(actor, &[drafted()], retitle()).is_ok());
    }
    for actor in [member(creator()), member_and(creator(), Role::Manager), Actor::Anonymous] {
        assert_eq!(when(actor, &[], draft(content())), Err(RecordError::Forbidden));
        assert_eq!(when(actor, &[drafted()], Command::Cancel { reason: None }), Err(RecordError::Forbidden));
    }
    assert_eq!(when(announcer(), &[drafted()], draft(content())), Err(RecordError::IdTaken));
    for command in
        [retitle(), Command::Schedule(time("2026-11-23T00:00:00Z")), Command::Cancel { reason: None }]
    {
        assert_eq!(when(announcer(), &[], command), Err(RecordError::NotFound));
    }
}

#[test]
fn a_draft_is_changed_a_schedule_is_moved_until_it_is_time() {
    let later = time("2026-11-23T00:00:00Z");
    let scheduled = [drafted(), Event::Scheduled(later)];
    let schedule = Command::Schedule;
    assert_eq!(when(announcer(), &[drafted()], schedule(later)), Ok(vec![Event::Scheduled(later)]));
    assert_eq!(when(announcer(), &scheduled, schedule(later)), Ok(vec![]));
    let moved = time("2026-11-24T00:00:00Z");
    assert_eq!(when(announcer(), &scheduled, schedule(moved)), Ok(vec![Event::Scheduled(moved)]));
    let refused = |state| Err(RecordError::StateNotAllowed { state });
    assert_eq!(when(announcer(), &scheduled, retitle()), refused("scheduled"));
    let due = [drafted(), Event::Scheduled(time("2026-11-21T12:00:00Z"))];
    for command in [schedule(moved), Command::Cancel { reason: None }] {
        assert_eq!(when(announcer(), &due, command), refused("sent"));
    }
    let far = when(announcer(), &[drafted()], schedule(time("2027-11-21T12:00:01Z")));
    assert!(matches!(far, Err(RecordError::Invalid(violations)) if violations[0].pointer == "/at"));
}

#[test]
fn what_is_cancelled_stays_so() {
    let cancelled = Event::Cancelled(AnnouncementCancelled { reason: None });
    let cancel = || Command::Cancel { reason: None };
    for before in [vec![drafted()], vec![drafted(), Event::Scheduled(time("2026-11-23T00:00:00Z"))]] {
        assert_eq!(when(announcer(), &before, cancel()), Ok(vec![cancelled.clone()]));
    }
    let over = [drafted(), cancelled];
    assert_eq!(when(announcer(), &over, cancel()), Ok(vec![]));
    let refused = Err(RecordError::StateNotAllowed { state: "cancelled" });
    for command in [retitle(), Command::Schedule(time("2026-11-23T00:00:00Z"))] {
        assert_eq!(when(announcer(), &over, command), refused);
    }
}

#[test]
fn the_system_says_that_it_is_sent_once_unless_somebody_was_earlier() {
    let set = time("2026-11-21T12:00:00Z");
    let due = [drafted(), Event::Scheduled(set)];
    let send = || Command::Send { at: set.at, recipients: 12 };
    let sent = Event::Sent(AnnouncementSent { recipients: 12 });
    assert_eq!(when(Actor::System, &due, send()), Ok(vec![sent.clone()]));
    for actor in [announcer(), member_and(creator(), Role::Admin)] {
        assert_eq!(when(actor, &due, send()), Err(RecordError::Forbidden));
    }
    let over = [&due[..], &[sent]].concat();
    assert_eq!(when(Actor::System, &over, send()), Ok(vec![]));
    let refused = |state| Err(RecordError::StateNotAllowed { state });
    for command in [retitle(), Command::Schedule(set), Command::Cancel { reason: None }] {
        assert_eq!(when(announcer(), &over, command), refused("sent"));
    }
    let cancelled = [&due[..], &[Event::Cancelled(AnnouncementCancelled { reason: None })]].concat();
    assert_eq!(when(Actor::System, &cancelled, send()), refused("cancelled"));
    let moved = [&due[..], &[Event::Scheduled(time("2026-11-21T12:00:01Z"))]].concat();
    assert_eq!(when(Actor::System, &moved, send()), refused("scheduled"));
    assert_eq!(when(Actor::System, &[drafted()], send()), refused("draft"));
}

#[test]
fn those_are_meant_who_are_active_people() {
    let member = User { roles: RoleSet::of(&[Role::Member]), ..active() };
    let all = Recipients { everyone: true, ..Recipients::default() };
    let roles = Recipients { roles: RoleSet::of(&[Role::Member]), ..Recipients::default() };
    let named = Recipients { users: vec![user(2)], ..Recipients::default() };
    let means = |audience: &Recipients, id, one: &User| audience.mean(user(id), one);
    assert!(means(&all, 1, &active()) && means(&roles, 1, &member) && means(&named, 2, &active()));
    assert!(!means(&roles, 1, &active()) && !means(&named, 1, &active()));
    let gone = User { deactivated: true, ..member.clone() };
    let program = User { service_scopes: Some(ScopeSet::of(&[])), ..member };
    for audience in [&all, &roles, &named] {
        assert!(!means(audience, 2, &gone) && !means(audience, 2, &program));
    }
}

#[test]
fn a_recipient_is_told_by_the_ways_that_are_wanted_and_reach() {
    let text = |text| ClockTime::parse(text).unwrap();
    let mut one = User { email: Some(Sealed("x".to_owned())), ..active() };
    let ways = |one: &User| content().ways(one, noon());
    assert_eq!(ways(&active()), [(Channel::Inbox, None)]);
    assert_eq!(ways(&one), [(Channel::Email, None), (Channel::Inbox, None)]);
    one.preferences.quiet_hours = Some(QuietHours { from: text("11:00"), to: text("13:00") });
    assert_eq!(ways(&one), [(Channel::Email, Some(at("2026-11-21T13:00:00Z"))), (Channel::Inbox, None)]);
    let mut say = |channel, mode| {
        let modes = one.preferences.modes.entry(Category::Announcement).or_default();
        modes.insert(channel, mode);
        ways(&one)
    };
    assert_eq!(say(Channel::Inbox, Mode::Off).len(), 1);
    assert_eq!(say(Channel::Email, Mode::Digest), [(Channel::Email, Some(at("2026-11-22T08:00:00Z")))]);
    assert_eq!(say(Channel::Email, Mode::Off), []);
}

#[test]
fn somebody_is_told_somehow() {
    let nobody =
        AnnouncementContent { audience: Recipients::default(), channels: ChannelSet::EMPTY, ..content() };
    let empty = |member| FieldViolation::of(member, Violation::Empty);
    let expected = RecordError::Invalid(vec![empty("audience"), empty("channels")]);
    assert_eq!(when(announcer(), &[], draft(nobody)), Err(expected));
    let audience = Recipients { users: vec![user(2), user(2), sleeper()], ..Recipients::default() };
    let gone = when(announcer(), &[], draft(AnnouncementContent { audience, ..content() }));
    assert!(
        matches!(gone, Err(RecordError::Invalid(violations)) if violations[0].pointer == "/audience/users/2")
    );
    assert_eq!(Body::parse(" \n\u{200b}"), Err(Violation::Empty));
}
