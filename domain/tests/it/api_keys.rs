//! API keys and service accounts: who makes them, for what, for how long, how many.

use cqrs_es::{Aggregate, test::TestFramework};
use domain::{
    actor::Actor,
    personal::Sealed,
    policy::{Role, RoleSet, Scope, ScopeSet},
    time::Timestamp,
    user::{
        ApiKeyCreated, ApiKeyEntry, RoleEntry, ServiceAccountCreated, StateChange, User, UserCommand,
        UserContext, UserError, UserEvent, UserFacts,
        values::{RatePerMinute, UserState},
    },
    violation::{FieldViolation, Violation},
};
use uuid::Uuid;

use crate::given::{MEMBER, at, member, noon, user};
use crate::users::active;

type Outcome = Result<Vec<UserEvent>, UserError>;

const READ: ScopeSet = ScopeSet::of(&[Scope::TasksRead]);
const EVENTS: ScopeSet = ScopeSet::of(&[Scope::EventsRead]);

fn ask(actor: Actor, given: &[UserEvent], command: UserCommand) -> Outcome {
    let context = UserContext { user: user(1), actor, now: noon(), facts: UserFacts::default() };
    TestFramework::<User>::with(context).given(given.to_vec()).when(command).inspect_result()
}

fn himself() -> Actor {
    member(user(1))
}

fn admin() -> Actor {
    Actor::User { id: user(2), roles: MEMBER.with(Role::Admin) }
}

fn name() -> Sealed {
    Sealed("s1.name".to_owned())
}

fn account(roles: &[Role], scopes: ScopeSet) -> UserEvent {
    let roles = RoleSet::of(roles);
    UserEvent::ServiceAccountCreated(ServiceAccountCreated { name: name(), roles, scopes })
}

fn key(number: u128, scopes: ScopeSet, expires_at: Timestamp) -> ApiKeyCreated {
    ApiKeyCreated { key: Uuid::from_u128(number), scopes, expires_at, rate_per_minute: None }
}

fn tomorrow() -> Timestamp {
    noon().plus_days(1)
}

fn made(number: u128) -> UserEvent {
    UserEvent::ApiKeyCreated(key(number, READ, tomorrow()))
}

fn create(scopes: ScopeSet, expires_at: Timestamp) -> UserCommand {
    UserCommand::CreateApiKey(key(1, scopes, expires_at))
}

#[test]
fn admins_make_service_accounts() {
    let command = |scopes| UserCommand::CreateServiceAccount { name: name(), scopes };
    let integrator = Ok(vec![account(&[Role::Integrator], EVENTS)]);
    assert_eq!(ask(admin(), &[], command(EVENTS)), integrator);
    let member = Ok(vec![account(&[Role::Integrator, Role::Member], ScopeSet::ALL)]);
    assert_eq!(ask(admin(), &[], command(ScopeSet::ALL)), member);
    assert_eq!(ask(himself(), &[], command(EVENTS)), Err(UserError::Forbidden));
    assert_eq!(ask(admin(), &active(), command(EVENTS)), Err(UserError::IdTaken));
    let mut user = User::default();
    user.apply(account(&[Role::Integrator], EVENTS));
    assert_eq!((user.state(), user.is_service_account(), user.email), (UserState::Active, true, None));
}

#[test]
fn programs_manage_nobody() {
    let program = [account(&[Role::Integrator], EVENTS)];
    let grant = |given: &[UserEvent], role| ask(admin(), given, UserCommand::GrantRole { role });
    for role in [Role::Member, Role::Manager] {
        assert_eq!(grant(&program, role), Ok(vec![UserEvent::RoleGranted(RoleEntry { role })]));
    }
    let misfit = |role: Role| {
        let violation = Violation::RoleDoesNotFit { role: role.as_str() };
        Err(UserError::Invalid(vec![FieldViolation::of("role", violation)]))
    };
    for role in [Role::Admin, Role::Auditor, Role::Operator, Role::Announcer] {
        assert_eq!(grant(&program, role), misfit(role));
    }
    assert_eq!(grant(&active(), Role::Integrator), misfit(Role::Integrator));
}

#[test]
fn one_makes_keys_for_oneself_and_admins_for_programs() {
    let program = [account(&[Role::Integrator], READ)];
    assert_eq!(ask(himself(), &active(), create(READ, tomorrow())), Ok(vec![made(1)]));
    assert_eq!(ask(admin(), &program, create(READ, tomorrow())), Ok(vec![made(1)]));
    let stranger = member(user(3));
    for (actor, given) in [(admin(), active()), (stranger, active()), (stranger, program.to_vec())] {
        assert_eq!(ask(actor, &given, create(READ, tomorrow())), Err(UserError::Forbidden), "{actor:?}");
    }
    let with_a_key = Actor::Key { id: user(1), roles: MEMBER.with(Role::Admin), scopes: ScopeSet::ALL };
    for given in [active(), program.to_vec()] {
        assert_eq!(ask(with_a_key, &given, create(READ, tomorrow())), Err(UserError::Forbidden));
    }
    let deactivated = [active(), vec![UserEvent::Deactivated(StateChange { reason: None })]].concat();
    let state = UserState::Deactivated;
    let refused = Err(UserError::StateNotAllowed { state });
    assert_eq!(ask(himself(), &deactivated, create(READ, tomorrow())), refused);
    assert_eq!(ask(admin(), &[], create(READ, tomorrow())), Err(UserError::NotFound));
}

#[test]
fn a_key_is_for_something_and_for_a_year_at_most() {
    let program = [account(&[Role::Integrator], READ)];
    let pointers = |outcome: Outcome| match outcome {
        Err(UserError::Invalid(violations)) => {
            violations.into_iter().map(|violation| violation.pointer).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let own = |scopes, until| ask(himself(), &active(), create(scopes, until));
    assert_eq!(pointers(own(ScopeSet::EMPTY, noon())), ["/scopes", "/expire_time"]);
    assert_eq!(pointers(own(READ, noon().plus_days(366))), ["/expire_time"]);
    assert!(own(ScopeSet::ALL, noon().plus_year()).is_ok());
    let leap_day = at("2028-02-29T12:00:00Z");
    assert_eq!(leap_day.plus_year(), at("2029-02-28T12:00:00Z"));
    let wider = ScopeSet::of(&[Scope::TasksRead, Scope::UsersRead, Scope::EventsRead]);
    assert_eq!(pointers(ask(admin(), &program, create(wider, tomorrow()))), ["/scopes", "/scopes"]);
}

#[test]
fn admins_give_rates() {
    let rate_per_minute = Some(RatePerMinute::parse(3000).unwrap());
    let wanted = ApiKeyCreated { rate_per_minute, ..key(1, READ, tomorrow()) };
    let create = UserCommand::CreateApiKey(wanted);
    let given = Ok(vec![UserEvent::ApiKeyCreated(wanted)]);
    let program = [account(&[Role::Integrator], READ)];
    let himself_an_admin = Actor::User { id: user(1), roles: MEMBER.with(Role::Admin) };
    assert_eq!(ask(admin(), &program, create.clone()), given);
    assert_eq!(ask(himself_an_admin, &active(), create.clone()), given);
    assert_eq!(ask(himself(), &active(), create), Err(UserError::Forbidden));
    for bad in [-1, 0, 60_001, i64::MAX] {
        assert_eq!(RatePerMinute::parse(bad), Err(Violation::OutOfRange { min: 1, max: 60_000 }), "{bad}");
    }
}

#[test]
fn a_key_lets_in_while_it_is_there_and_its_user_active() {
    let lets_in = |events: &[UserEvent], number| {
        let mut user = User::default();
        events.iter().cloned().for_each(|event| user.apply(event));
        user.lets_in(Uuid::from_u128(number))
    };
    let with_key = [active(), vec![made(1)]].concat();
    assert!(lets_in(&with_key, 1) && !lets_in(&with_key, 2));
    for end in [
        UserEvent::ApiKeyRevoked(ApiKeyEntry { key: Uuid::from_u128(1) }),
        UserEvent::Deactivated(StateChange { reason: None }),
    ] {
        assert!(!lets_in(&[with_key.clone(), vec![end]].concat(), 1));
    }
}

#[test]
fn keys_are_counted_while_they_are_good() {
    let fifty: Vec<_> = active().into_iter().chain((100..150).map(made)).collect();
    let full = Err(UserError::TooManyKeys { max: 50 });
    assert_eq!(ask(himself(), &fifty, create(READ, tomorrow())), full);
    let revoked = UserEvent::ApiKeyRevoked(ApiKeyEntry { key: Uuid::from_u128(120) });
    let room = [fifty, vec![revoked]].concat();
    assert_eq!(ask(himself(), &room, create(READ, tomorrow())), Ok(vec![made(1)]));
    let expired =
        (100..150).map(|number| UserEvent::ApiKeyCreated(key(number, READ, at("2020-01-01T00:00:00Z"))));
    let expired: Vec<_> = active().into_iter().chain(expired).collect();
    assert_eq!(ask(himself(), &expired, create(READ, tomorrow())), Ok(vec![made(1)]));
}

#[test]
fn a_key_is_revoked_once() {
    let given = [active(), vec![made(1)]].concat();
    let revoke = |number| UserCommand::RevokeApiKey { key: Uuid::from_u128(number) };
    let revoked = UserEvent::ApiKeyRevoked(ApiKeyEntry { key: Uuid::from_u128(1) });
    assert_eq!(ask(himself(), &given, revoke(1)), Ok(vec![revoked.clone()]));
    assert_eq!(ask(admin(), &given, revoke(1)), Ok(vec![revoked.clone()]));
    assert_eq!(ask(himself(), &given, revoke(2)), Ok(vec![]));
    assert_eq!(ask(himself(), &[given.clone(), vec![revoked]].concat(), revoke(1)), Ok(vec![]));
    assert_eq!(ask(member(user(3)), &given, revoke(1)), Err(UserError::Forbidden));
}
