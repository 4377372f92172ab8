//! What people want to be told, when they are left in peace, and what notices are pushed to.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Timelike};
use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    event::Change,
    ids::{DeviceId, TaskKey},
    notice::{Happening, Reminders},
    notification::{Category, Channel, ClockTime, Mode, Preferences, QuietHours},
    notification_rule::values::Reminder,
    personal::Sealed,
    policy::RoleSet,
    task::{Task, values::Due},
    time::{TimeZone, Timestamp},
    user::{
        DeviceRegistered, DeviceRemoved, NewUser, Platform, Registered, Removal, User, UserCommand,
        UserContext, UserError, UserEvent, UserFacts,
        values::{Locale, UserState},
    },
    violation::{FieldViolation, Violation},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::given::{at, member, noon, stranger, title, user};

fn clock(text: &str) -> ClockTime {
    ClockTime::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::parse(name).unwrap()
}

pub(crate) fn wishes() -> Preferences {
    let comment = BTreeMap::from([(Channel::Email, Mode::Digest), (Channel::Push, Mode::Off)]);
    Preferences {
        modes: BTreeMap::from([(Category::Comment, comment)]),
        quiet_hours: Some(QuietHours { from: clock("22:00"), to: clock("07:30") }),
        time_zone: Some(zone("Asia/Seoul")),
        digest_time: Some(clock("08:15")),
    }
}

#[test]
fn what_is_not_said_is_as_by_default() {
    let (plain, said) = (Preferences::default(), wishes());
    assert_eq!(plain.mode(Category::Comment, Channel::Push), Mode::Off);
    assert_eq!(plain.mode(Category::Mention, Channel::Push), Mode::Now);
    assert_eq!(said.mode(Category::Comment, Channel::Email), Mode::Digest);
    assert_eq!(said.mode(Category::Mention, Channel::Email), Mode::Now);
    for category in Category::ALL {
        assert_eq!(plain.mode(*category, Channel::Inbox), Mode::Now);
    }
}

#[test]
fn peace_lasts_over_midnight_and_leaves_the_inbox_alone() {
    let (wishes, home) = (wishes(), TimeZone::UTC);
    let until = |now: &str| wishes.quiet_until(Channel::Push, at(now), home);
    assert_eq!(until("2026-11-21T12:59:59Z"), None);
    assert_eq!(until("2026-11-21T13:00:00Z"), Some(at("2026-11-21T22:30:00Z")));
    assert_eq!(until("2026-11-21T22:29:59Z"), Some(at("2026-11-21T22:30:00Z")));
    assert_eq!(until("2026-11-21T22:30:00Z"), None);
    assert_eq!(wishes.quiet_until(Channel::Inbox, at("2026-11-21T13:00:00Z"), home), None);
    let plain =
        Preferences { quiet_hours: Some(QuietHours { from: clock("09:00"), to: clock("17:00") }), ..wishes };
    let until = |now: &str| plain.quiet_until(Channel::Email, at(now), home);
    assert_eq!(until("2026-11-21T00:00:00Z"), Some(at("2026-11-21T08:00:00Z")));
    assert_eq!(until("2026-11-21T08:00:00Z"), None);
}

#[test]
fn digests_come_at_eight_at_home_unless_said() {
    let plain = Preferences::default();
    assert_eq!(plain.next_digest(noon(), zone("Asia/Seoul")), at("2026-11-21T23:00:00Z"));
    assert_eq!(wishes().next_digest(noon(), TimeZone::UTC), at("2026-11-21T23:15:00Z"));
    assert_eq!(plain.next_digest(at("2026-11-21T08:00:00Z"), TimeZone::UTC), at("2026-11-22T08:00:00Z"));
}

#[test]
fn clocks_that_are_put_forward_and_back_are_followed() {
    let berlin = zone("Europe/Berlin");
    let forward = Preferences { digest_time: Some(clock("02:30")), ..Preferences::default() };
    assert_eq!(forward.next_digest(at("2026-03-28T12:00:00Z"), berlin), at("2026-03-29T01:00:00Z"));
    assert_eq!(forward.next_digest(at("2026-10-24T12:00:00Z"), berlin), at("2026-10-25T00:30:00Z"));
    let apia = zone("Pacific/Apia");
    let skipped = Preferences::default().next_digest(at("2011-12-29T19:00:00Z"), apia);
    assert!(skipped > at("2011-12-29T19:00:00Z") && skipped <= at("2011-12-31T19:00:00Z"), "{skipped}");
}

proptest! {
    #[test]
    fn what_is_waited_for_lies_ahead_within_two_days(
        minutes in 0..=1439_i64, from in 0..1440_u32, to in 0..1440_u32, day in 0..400_i64,
        name in prop::sample::select(vec!["UTC", "Asia/Seoul", "America/St_Johns", "Australia/Lord_Howe", "Europe/Berlin"]),
    ) {
        let time = |minute: u32| clock(&format!("{:02}:{:02}", minute / 60, minute % 60));
        let now: Timestamp = at("2026-01-01T00:00:00Z").plus(TimeDelta::days(day) + TimeDelta::minutes(minutes));
        let quiet = QuietHours { from: time(from), to: time(to) };
        for ahead in [Some(time(to).next(now, zone(name))), quiet.end(now, zone(name))].into_iter().flatten() {
            prop_assert!(ahead > now && ahead <= now.plus(TimeDelta::hours(49)), "{ahead}");
        }
        let next = time(to).next(now, zone(name));
        let local = zone(name).local(next);
        let shown = local.hour() * 60 + local.minute();
        prop_assert!(shown == to || shown.abs_diff(to) <= 60, "{local}");
    }

    #[test]
    fn times_of_the_day_are_read_as_written(text in "[0-9]{0,2}:[0-9]{0,2}|.{0,6}") {
        if let Ok(time) = ClockTime::parse(&text) {
            prop_assert_eq!(time.to_string(), text);
        }
    }
}

fn sealed(text: &str) -> Sealed {
    Sealed(format!("s1.{}.{text}", user(1)))
}

fn signed_up() -> Vec<UserEvent> {
    let NewUser { email, name, locale, time_zone } = NewUser {
        email: sealed("bWFpbA"),
        name: sealed("bmFtZQ"),
        locale: Locale::default(),
        time_zone: TimeZone::UTC,
    };
    let registered = UserEvent::Registered(Registered { email, name, locale, time_zone });
    vec![registered, UserEvent::Verified(domain::event::Nothing {})]
}

fn when(actor: Actor, before: &[UserEvent], command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
    let context = UserContext { user: user(1), actor, now: noon(), facts: UserFacts::default() };
    TestFramework::<User>::with(context).given(before.to_vec()).when(command).inspect_result()
}

fn device(n: u128, token: &str) -> DeviceRegistered {
    DeviceRegistered { device: DeviceId(Uuid::from_u128(n)), platform: Platform::Web, token: sealed(token) }
}

#[test]
fn wishes_are_ones_own_and_make_sense() {
    let me = member(user(1));
    let set = UserCommand::SetPreferences;
    let changed =
        UserEvent::NotificationPreferencesChanged(Change { from: Preferences::default(), to: wishes() });
    assert_eq!(when(me, &signed_up(), set(wishes())), Ok(vec![changed.clone()]));
    let before = [signed_up(), vec![changed]].concat();
    assert_eq!(when(me, &before, set(wishes())), Ok(vec![]));
    assert_eq!(when(member(stranger()), &before, set(wishes())), Err(UserError::Forbidden));
    let odd = Preferences {
        modes: BTreeMap::from([(Category::Due, BTreeMap::from([(Channel::Push, Mode::Digest)]))]),
        quiet_hours: Some(QuietHours { from: clock("08:00"), to: clock("08:00") }),
        ..Preferences::default()
    };
    let violation = |member, expected| FieldViolation::of(member, Violation::Malformed { expected });
    let expected = vec![
        violation("channels/due/push", "off or now; digests come by mail only"),
        violation("quiet_hours/to", "another time than from"),
    ];
    assert_eq!(when(me, &before, set(odd)), Err(UserError::Invalid(expected)));
}

#[test]
fn reminders_of_a_day_come_in_the_morning_and_those_of_a_time_to_the_minute() {
    let seoul = TimeZone::parse("Asia/Seoul").unwrap();
    let day = Due::Date { date: Due::parse_date("2026-11-25").unwrap() };
    let expected = Reminders { soon: at("2026-11-23T23:00:00Z"), overdue: at("2026-11-25T23:00:00Z") };
    assert_eq!(Reminders::of(day, seoul), expected);
    let time = Due::At { at: noon(), zone: seoul };
    let expected = Reminders { soon: at("2026-11-20T12:00:00Z"), overdue: noon() };
    assert_eq!(Reminders::of(time, TimeZone::UTC), expected);
    let last = Due::Date { date: Due::parse_date("9999-12-31").unwrap() };
    assert!(Reminders::of(last, seoul).soon < Reminders::of(last, seoul).overdue);
}

#[test]
fn a_reminder_is_the_same_for_a_task_and_when_it_is_due() {
    let due = |text| Due::Date { date: Due::parse_date(text).unwrap() };
    let task = Task { key: Some(TaskKey(1)), title: Some(title("Roof")), ..Task::default() };
    let remind = |reminder, id, due| Happening::reminder(reminder, (id, &task), due, noon()).unwrap().event;
    let one = remind(Reminder::DueSoon, crate::given::task(1), due("2026-11-25"));
    assert_eq!(one, remind(Reminder::DueSoon, crate::given::task(1), due("2026-11-25")));
    for other in [
        remind(Reminder::Overdue, crate::given::task(1), due("2026-11-25")),
        remind(Reminder::DueSoon, crate::given::task(2), due("2026-11-25")),
        remind(Reminder::DueSoon, crate::given::task(1), due("2026-11-26")),
    ] {
        assert_ne!(one, other);
    }
    assert!(
        Happening::reminder(
            Reminder::Overdue,
            (crate::given::task(1), &Task::default()),
            due("2026-11-25"),
            noon()
        )
        .is_none()
    );
}

#[test]
fn devices_come_and_go() {
    let me = member(user(1));
    let register = |new: &DeviceRegistered| UserCommand::RegisterDevice(new.clone());
    let remove = |n, why| UserCommand::RemoveDevice { device: DeviceId(Uuid::from_u128(n)), why };
    let phone = device(1, "a");
    let registered = UserEvent::DeviceRegistered(phone.clone());
    assert_eq!(when(me, &signed_up(), register(&phone)), Ok(vec![registered.clone()]));
    let before = [signed_up(), vec![registered]].concat();
    assert_eq!(when(me, &before, register(&device(2, "a"))), Ok(vec![]));
    assert_eq!(when(me, &before, register(&device(1, "b"))), Err(UserError::IdTaken));
    let removed = DeviceRemoved { device: phone.device, why: Removal::Removed };
    let gone = vec![UserEvent::DeviceRemoved(removed)];
    assert_eq!(when(me, &before, remove(1, Removal::Removed)), Ok(gone.clone()));
    assert_eq!(when(Actor::System, &before, remove(1, Removal::Unregistered)).unwrap().len(), 1);
    assert_eq!(when(me, &before, remove(2, Removal::Removed)), Err(UserError::NotFound));
    assert_eq!(when(member(stranger()), &before, remove(1, Removal::Removed)), Err(UserError::Forbidden));
    let again = [before.clone(), gone].concat();
    assert_eq!(when(me, &again, register(&phone)).unwrap().len(), 1);
    let many = (1..=20).map(|n| UserEvent::DeviceRegistered(device(n, &n.to_string())));
    let full: Vec<_> = signed_up().into_iter().chain(many).collect();
    let refused = when(me, &full, register(&device(21, "x")));
    assert_eq!(refused, Err(UserError::TooManyDevices { max: 20 }));
    let state = UserState::Unverified;
    let nobody = Actor::User { id: user(1), roles: RoleSet::EMPTY };
    let refused = when(nobody, &signed_up()[..1], register(&phone));
    assert_eq!(refused, Err(UserError::StateNotAllowed { state }));
}
