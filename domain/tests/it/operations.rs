//! Asking for work of an operator.

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    event::Nothing,
    operation::{
        Operation, OperationCommand, OperationContext, OperationError, OperationEvent, OperationKind,
        Requested,
    },
    policy::{Role, RoleSet},
};

use crate::given::{creator, member, noon};

fn rebuild(projection: &str) -> Requested {
    Requested::new(OperationKind::Rebuild, format!("projections/{projection}"))
}

fn ask(
    actor: Actor,
    before: &[OperationEvent],
    wish: Requested,
) -> Result<Vec<OperationEvent>, OperationError> {
    say(actor, before, OperationCommand::Request(wish))
}

fn say(
    actor: Actor,
    before: &[OperationEvent],
    wish: OperationCommand,
) -> Result<Vec<OperationEvent>, OperationError> {
    let context = OperationContext { actor, now: noon() };
    TestFramework::<Operation>::with(context).given(before.to_vec()).when(wish).inspect_result()
}

#[test]
fn operators_and_the_system_ask_others_do_not() {
    let operator = Actor::User { id: creator(), roles: RoleSet::of(&[Role::Operator]) };
    for actor in [operator, Actor::System] {
        assert_eq!(ask(actor, &[], rebuild("tasks")), Ok(vec![OperationEvent::Requested(rebuild("tasks"))]));
    }
    let admin = Actor::User { id: creator(), roles: RoleSet::of(&[Role::Member, Role::Admin]) };
    for actor in [member(creator()), admin, Actor::Anonymous] {
        assert_eq!(ask(actor, &[], rebuild("tasks")), Err(OperationError::Forbidden));
    }
}

#[test]
fn an_operation_is_asked_for_once() {
    let before = [OperationEvent::Requested(rebuild("tasks"))];
    assert_eq!(ask(Actor::System, &before, rebuild("tasks")), Ok(vec![]));
    assert_eq!(ask(Actor::System, &before, rebuild("users")), Err(OperationError::IdTaken));
}

#[test]
fn whatever_was_asked_for_can_be_cancelled_once() {
    let asked = OperationEvent::Requested(rebuild("tasks"));
    let cancelled = OperationEvent::CancelRequested(Nothing {});
    let operator = Actor::User { id: creator(), roles: RoleSet::of(&[Role::Operator]) };
    let cancel = |actor, before: &[OperationEvent]| say(actor, before, OperationCommand::Cancel);
    assert_eq!(cancel(operator, &[]), Err(OperationError::NotFound));
    assert_eq!(cancel(operator, std::slice::from_ref(&asked)), Ok(vec![cancelled.clone()]));
    assert_eq!(cancel(operator, &[asked.clone(), cancelled]), Ok(vec![]));
    assert_eq!(cancel(member(creator()), &[asked]), Err(OperationError::Forbidden));
}
