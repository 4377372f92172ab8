//! Being erased: once, for good, by somebody else.

use cqrs_es::Aggregate;
use domain::{
    actor::Actor,
    event::{Nothing, Timed},
    policy::{Role, RoleSet},
    user::{User, UserCommand, UserContext, UserError, UserEvent, UserFacts, values::UserState},
};

use crate::{
    given::{member, noon, user},
    users::{admin, granted, himself, registered, somebody, verified},
};

type Outcome = Result<Vec<UserEvent>, UserError>;

fn ask(actor: Actor, given: &[UserEvent], command: UserCommand, other_active_admin: bool) -> Outcome {
    let facts = UserFacts { other_active_admin };
    let context = UserContext { user: somebody(), actor, now: noon(), facts };
    after(given).decide(command, &context)
}

fn after(events: &[UserEvent]) -> User {
    let mut state = User::default();
    for event in events {
        state.apply(event.clone());
        state.occurred(noon());
    }
    state
}

fn erased() -> UserEvent {
    UserEvent::Erased(Nothing {})
}

fn active() -> Vec<UserEvent> {
    vec![registered(), verified(), granted(Role::Member)]
}

#[test]
fn an_admin_erases_others_whatever_their_state() {
    let deactivated = UserCommand::Deactivate { reason: None };
    let locked_out = [active(), ask(admin(), &active(), deactivated, true).unwrap()].concat();
    for given in [active(), vec![registered()], locked_out] {
        assert_eq!(ask(admin(), &given, UserCommand::Erase, true), Ok(vec![erased()]));
        assert_eq!(ask(himself(), &given, UserCommand::Erase, true), Err(UserError::Forbidden));
        assert_eq!(ask(member(user(3)), &given, UserCommand::Erase, true), Err(UserError::Forbidden));
    }
    assert_eq!(ask(admin(), &[], UserCommand::Erase, true), Err(UserError::NotFound));
}

#[test]
fn nobody_erases_himself_and_the_last_admin_stays() {
    let admins = [active(), vec![granted(Role::Admin)]].concat();
    let own = Actor::User { id: somebody(), roles: RoleSet::of(&[Role::Admin]) };
    assert_eq!(ask(own, &admins, UserCommand::Erase, true), Err(UserError::Forbidden));
    assert_eq!(ask(Actor::System, &admins, UserCommand::Erase, false), Err(UserError::LastAdmin));
    assert_eq!(ask(Actor::System, &admins, UserCommand::Erase, true), Ok(vec![erased()]));
}

#[test]
fn who_is_erased_stays_so() {
    let given = [active(), vec![erased()]].concat();
    assert_eq!(ask(admin(), &given, UserCommand::Erase, true), Ok(vec![]));
    for command in [
        UserCommand::Reactivate { reason: None },
        UserCommand::GrantRole { role: Role::Member },
        UserCommand::LogOut { reason: None },
    ] {
        assert_eq!(ask(admin(), &given, command, true), Err(UserError::Erased));
    }
}

#[test]
fn nothing_of_the_person_is_left_in_the_state() {
    let before = after(&active());
    let state = after(&[active(), vec![erased()]].concat());
    let left = User {
        version: before.version + 1,
        epoch: before.epoch + 1,
        session_epoch: before.session_epoch + 1,
        create_time: before.create_time,
        update_time: before.update_time,
        deactivated: true,
        erased: true,
        ..User::default()
    };
    assert_eq!(state, left);
    assert!(state.exists() && !state.is_active());
    assert_eq!((state.state(), state.effective_roles()), (UserState::Deactivated, RoleSet::EMPTY));
}
