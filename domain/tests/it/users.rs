//! Signing up, being verified, roles, being locked out.

use cqrs_es::{Aggregate, test::TestFramework};
use domain::{
    actor::Actor,
    event::{Change, Nothing},
    ids::UserId,
    personal::Sealed,
    policy::{Role, RoleSet},
    task::values::ExternalRef,
    user::{
        Imported, Invited, Locked, LoginsFailed, NewUser, Profile, Proof, RefreshTokenReused, Registered,
        RoleEntry, StateChange, User, UserCommand, UserContext, UserError, UserEvent, UserFacts,
        values::{Locale, TimeZone, UserState},
    },
    violation::{FieldViolation, Violation},
};

use uuid::Uuid;

use crate::{
    given::{MEMBER, member, noon, user},
    passwords::{invitation, link, sign_up, verification},
};

type Outcome = Result<Vec<UserEvent>, UserError>;

fn sealed(text: &str) -> Sealed {
    Sealed(format!("s1.{}.{text}", somebody()))
}

pub(crate) fn somebody() -> UserId {
    user(1)
}

pub(crate) fn admin() -> Actor {
    Actor::User { id: user(2), roles: MEMBER.with(Role::Admin) }
}

pub(crate) fn himself() -> Actor {
    member(somebody())
}

pub(crate) fn new_user() -> NewUser {
    let (locale, time_zone) = (Locale::parse("ko-KR").unwrap(), TimeZone::parse("Asia/Seoul").unwrap());
    NewUser { email: sealed("mail"), name: sealed("name"), locale, time_zone }
}

pub(crate) fn registered() -> UserEvent {
    let NewUser { email, name, locale, time_zone } = new_user();
    UserEvent::Registered(Registered { email, name, locale, time_zone })
}

pub(crate) fn invited(roles: &[Role]) -> UserEvent {
    let NewUser { email, name, locale, time_zone } = new_user();
    UserEvent::Invited(Invited { email, name, locale, time_zone, roles: RoleSet::of(roles) })
}

pub(crate) fn verified() -> UserEvent {
    UserEvent::Verified(Nothing {})
}

pub(crate) fn granted(role: Role) -> UserEvent {
    UserEvent::RoleGranted(RoleEntry { role })
}

fn revoked(role: Role) -> UserEvent {
    UserEvent::RoleRevoked(RoleEntry { role })
}

pub(crate) fn deactivated() -> UserEvent {
    UserEvent::Deactivated(StateChange { reason: None })
}

/// An active member.
pub(crate) fn active() -> Vec<UserEvent> {
    vec![registered(), verified(), granted(Role::Member)]
}

fn active_admin() -> Vec<UserEvent> {
    vec![invited(&[Role::Member, Role::Admin]), verified()]
}

fn ask(actor: Actor, events: &[UserEvent], command: UserCommand) -> Outcome {
    ask_among(true, actor, events, command)
}

fn ask_among(other_active_admin: bool, actor: Actor, events: &[UserEvent], command: UserCommand) -> Outcome {
    let facts = UserFacts { other_active_admin };
    let context = UserContext { user: somebody(), actor, now: noon(), facts };
    TestFramework::<User>::with(context).given(events.to_vec()).when(command).inspect_result()
}

pub(crate) fn after(events: &[UserEvent]) -> User {
    let mut user = User::default();
    events.iter().cloned().for_each(|event| user.apply(event));
    user
}

fn invalid(member: &str, violation: Violation) -> Outcome {
    Err(UserError::Invalid(vec![FieldViolation::of(member, violation)]))
}

#[test]
fn anybody_signs_up_once() {
    let register = || UserCommand::Register { user: new_user(), sign_up: sign_up(1) };
    assert_eq!(ask(Actor::Anonymous, &[], register()), Ok(vec![registered(), verification(1)]));
    assert_eq!(ask(Actor::Anonymous, &active(), register()), Err(UserError::IdTaken));
    let user = after(&[registered()]);
    assert_eq!((user.state(), user.effective_roles()), (UserState::Unverified, RoleSet::EMPTY));
}

#[test]
fn verification_makes_a_member() {
    let by_word = || UserCommand::Verify { proof: Proof::Word };
    let welcome = Ok(vec![verified(), granted(Role::Member)]);
    assert_eq!(ask(admin(), &[registered()], by_word()), welcome);
    assert_eq!(ask(himself(), &[registered()], by_word()), Err(UserError::Forbidden));
    assert_eq!(ask(admin(), &active(), by_word()), Ok(vec![]));
    assert_eq!(ask(admin(), &[], by_word()), Err(UserError::NotFound));
    let locked_out = [registered(), deactivated()];
    let refusal = UserError::StateNotAllowed { state: UserState::Deactivated };
    assert_eq!(ask(admin(), &locked_out, by_word()), Err(refusal));
    assert_eq!(after(&active()).effective_roles(), MEMBER);
}

#[test]
fn the_invited_keep_the_roles_they_were_given() {
    let invite = |roles: &[Role]| UserCommand::Invite {
        user: new_user(),
        roles: RoleSet::of(roles),
        link: Some(link(1)),
    };
    let events = vec![invited(&[Role::Auditor]), invitation(1)];
    assert_eq!(ask(admin(), &[], invite(&[Role::Auditor])), Ok(events));
    assert_eq!(ask(himself(), &[], invite(&[])), Err(UserError::Forbidden));
    let silently = UserCommand::Invite { user: new_user(), roles: RoleSet::EMPTY, link: None };
    assert_eq!(ask(Actor::System, &[], silently), Ok(vec![invited(&[])]));
    let verify = UserCommand::Verify { proof: Proof::Word };
    assert_eq!(ask(admin(), &[invited(&[Role::Auditor])], verify.clone()), Ok(vec![verified()]));
    assert_eq!(ask(admin(), &[invited(&[])], verify), Ok(vec![verified(), granted(Role::Member)]));
}

#[test]
fn an_invitation_names_all_roles_that_do_not_fit() {
    let roles = RoleSet::of(&[Role::Auditor, Role::Admin, Role::Integrator]);
    let excludes = |role: Role, held: Role| {
        let violation = Violation::RolesExclude { role: role.as_str(), held: held.as_str() };
        FieldViolation::of("roles", violation)
    };
    let misfit = FieldViolation::of("roles", Violation::RoleDoesNotFit { role: "integrator" });
    let all = vec![excludes(Role::Auditor, Role::Admin), misfit, excludes(Role::Admin, Role::Auditor)];
    let invite = UserCommand::Invite { user: new_user(), roles, link: None };
    assert_eq!(ask(admin(), &[], invite), Err(UserError::Invalid(all)));
}

#[test]
fn the_imported_are_active_members_once() {
    let source = ExternalRef::new("desk".into(), "agent-2".into());
    let import = UserCommand::Import { name: sealed("name"), source: source.clone() };
    let events = vec![UserEvent::Imported(Imported { name: sealed("name"), source }), granted(Role::Member)];
    assert_eq!(ask(admin(), &[], import.clone()), Ok(events.clone()));
    assert_eq!(ask(admin(), &events, import.clone()), Ok(vec![]));
    assert_eq!(ask(admin(), &active(), import.clone()), Err(UserError::IdTaken));
    assert_eq!(ask(himself(), &[], import), Err(UserError::Forbidden));
    assert!(after(&events).fact().unwrap().active);
}

#[test]
fn the_profile_is_ones_own() {
    let zone = TimeZone::parse("Europe/Berlin").unwrap();
    let profile = Profile {
        name: Some(sealed("other")),
        locale: Some(Locale::parse("ko-KR").unwrap()),
        time_zone: Some(zone),
    };
    let edit = UserCommand::EditProfile(profile);
    let events = vec![
        UserEvent::NameChanged(Change { from: sealed("name"), to: sealed("other") }),
        UserEvent::TimeZoneChanged(Change { from: Some(new_user().time_zone), to: Some(zone) }),
    ];
    assert_eq!(ask(himself(), &active(), edit.clone()), Ok(events.clone()));
    let changed: Vec<_> = active().into_iter().chain(events).collect();
    assert_eq!(ask(himself(), &changed, edit.clone()), Ok(vec![]));
    assert_eq!(ask(admin(), &active(), edit), Err(UserError::Forbidden));
}

#[test]
fn admins_grant_and_revoke() {
    let grant = |role| UserCommand::GrantRole { role };
    let revoke = |role| UserCommand::RevokeRole { role };
    assert_eq!(ask(admin(), &active(), grant(Role::Manager)), Ok(vec![granted(Role::Manager)]));
    assert_eq!(ask(admin(), &active(), grant(Role::Member)), Ok(vec![]));
    assert_eq!(ask(admin(), &active(), revoke(Role::Member)), Ok(vec![revoked(Role::Member)]));
    assert_eq!(ask(admin(), &active(), revoke(Role::Manager)), Ok(vec![]));
    assert_eq!(ask(himself(), &active(), grant(Role::Manager)), Err(UserError::Forbidden));
    assert_eq!(ask(admin(), &[], grant(Role::Manager)), Err(UserError::NotFound));
}

#[test]
fn nobody_grants_himself() {
    let own = Actor::User { id: somebody(), roles: MEMBER.with(Role::Admin) };
    let grant = UserCommand::GrantRole { role: Role::Manager };
    assert_eq!(ask(own, &active_admin(), grant), Err(UserError::Forbidden));
}

#[test]
fn some_roles_do_not_go_together_or_not_with_people() {
    let grant = |role| UserCommand::GrantRole { role };
    let auditor_beside_admin = Violation::RolesExclude { role: "auditor", held: "admin" };
    assert_eq!(ask(admin(), &active_admin(), grant(Role::Auditor)), invalid("role", auditor_beside_admin));
    let misfit = Violation::RoleDoesNotFit { role: "integrator" };
    assert_eq!(ask(admin(), &active(), grant(Role::Integrator)), invalid("role", misfit));
}

#[test]
fn the_last_admin_stays() {
    let revoke = || UserCommand::RevokeRole { role: Role::Admin };
    let deactivate = || UserCommand::Deactivate { reason: None };
    for command in [revoke(), deactivate()] {
        assert!(command.needs_other_admin());
        assert_eq!(ask_among(false, admin(), &active_admin(), command), Err(UserError::LastAdmin));
    }
    assert_eq!(ask_among(true, admin(), &active_admin(), revoke()), Ok(vec![revoked(Role::Admin)]));
    assert_eq!(ask_among(false, admin(), &active(), deactivate()), Ok(vec![deactivated()]));
    let never_verified = [invited(&[Role::Admin])];
    assert_eq!(ask_among(false, admin(), &never_verified, revoke()), Ok(vec![revoked(Role::Admin)]));
}

#[test]
fn locked_out_and_let_in_again() {
    let reactivated = UserEvent::Reactivated(StateChange { reason: None });
    let reactivate = || UserCommand::Reactivate { reason: None };
    let mut events = active();
    assert_eq!(ask(admin(), &events, reactivate()), Ok(vec![]));
    events.push(deactivated());
    assert_eq!(after(&events).effective_roles(), RoleSet::EMPTY);
    assert_eq!(ask(admin(), &events, UserCommand::Deactivate { reason: None }), Ok(vec![]));
    assert_eq!(ask(admin(), &events, reactivate()), Ok(vec![reactivated.clone()]));
    events.push(reactivated.clone());
    assert_eq!(after(&events).effective_roles(), MEMBER);
    assert_eq!(after(&[registered(), deactivated(), reactivated]).state(), UserState::Unverified);
}

#[test]
fn being_locked_out_ends_all_sessions_for_good() {
    let reactivated = UserEvent::Reactivated(StateChange { reason: None });
    let epochs = [granted(Role::Manager), deactivated(), reactivated].into_iter();
    let epochs = epochs.scan(after(&active()), |user, event| {
        user.apply(event);
        Some(user.session_epoch)
    });
    assert_eq!(epochs.collect::<Vec<_>>(), [0, 1, 1]);
}

#[test]
fn admins_log_others_out() {
    let out = || UserCommand::LogOut { reason: None };
    let logged_out = UserEvent::LoggedOut(StateChange { reason: None });
    assert_eq!(ask(admin(), &active(), out()), Ok(vec![logged_out.clone()]));
    assert_eq!(ask(himself(), &active(), out()), Err(UserError::Forbidden));
    assert_eq!(ask(admin(), &[], out()), Err(UserError::NotFound));
    for without_sessions in [vec![registered()], vec![registered(), verified(), deactivated()]] {
        assert_eq!(ask(admin(), &without_sessions, out()), Ok(vec![]));
    }
    let (before, mut user) = (after(&active()), after(&active()));
    user.apply(logged_out);
    assert_eq!((user.session_epoch, user.epoch), (before.session_epoch + 1, before.epoch + 1));
    assert_eq!((user.state(), user.roles), (before.state(), before.roles));
}

#[test]
fn the_reuse_of_a_token_is_recorded_for_those_who_exist() {
    let (used_from, reused_from) = (sealed("here"), sealed("there"));
    let reuse = RefreshTokenReused { session: Uuid::from_u128(7), used_from, reused_from };
    let record = || UserCommand::RecordReuse(reuse.clone());
    assert_eq!(
        ask(Actor::Anonymous, &active(), record()),
        Ok(vec![UserEvent::RefreshTokenReused(reuse.clone())])
    );
    assert_eq!(ask(Actor::Anonymous, &[], record()), Err(UserError::NotFound));
}

#[test]
fn tried_passwords_are_recorded_for_those_who_exist_and_change_nothing() {
    let failures = LoginsFailed { count: 3, tried_from: sealed("there") };
    let lock = Locked { until: noon() };
    for (command, event) in [
        (UserCommand::RecordFailures(failures.clone()), UserEvent::LoginsFailed(failures)),
        (UserCommand::RecordLock(lock), UserEvent::Locked(lock)),
    ] {
        assert_eq!(ask(Actor::Anonymous, &[], command.clone()), Err(UserError::NotFound));
        assert_eq!(ask(Actor::Anonymous, &active(), command), Ok(vec![event.clone()]));
        let (before, mut user) = (after(&active()), after(&active()));
        user.apply(event);
        assert_eq!(User { version: before.version, ..user }, before);
    }
}

#[test]
fn every_change_of_rights_begins_an_epoch() {
    let epochs: Vec<i64> = [verified(), granted(Role::Member), revoked(Role::Member), deactivated()]
        .into_iter()
        .scan(after(&[registered()]), |user, event| {
            user.apply(event);
            Some(user.epoch)
        })
        .collect();
    assert_eq!(epochs, [0, 1, 2, 3]);
}
