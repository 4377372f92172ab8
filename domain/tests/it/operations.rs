//! Asking for work of an operator.

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    event::{EventPattern, Nothing, from_stored, to_stored},
    export::{ActionPattern, Export, ExportFormat, ExportKind, Exported},
    ids::UserId,
    operation::{
        Operation, OperationCommand, OperationContext, OperationError, OperationEvent, OperationKind,
        Requested,
    },
    policy::{Role, RoleSet},
};

use uuid::Uuid;

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

fn export() -> Requested {
    Requested::export(Export::everything(ExportKind::Events, ExportFormat::Ndjson))
}

#[test]
fn auditors_ask_for_exports_and_nothing_else() {
    let (auditor, operator) = (
        Actor::User { id: creator(), roles: RoleSet::of(&[Role::Auditor]) },
        Actor::User { id: creator(), roles: RoleSet::of(&[Role::Operator]) },
    );
    let asked = OperationEvent::Requested(export());
    assert_eq!(ask(auditor, &[], export()), Ok(vec![asked.clone()]));
    assert_eq!(ask(auditor, &[], rebuild("tasks")), Err(OperationError::Forbidden));
    for other in [operator, member(creator()), Actor::Anonymous] {
        assert_eq!(ask(other, &[], export()), Err(OperationError::Forbidden), "{other:?}");
    }
    let cancel = |actor, before: &OperationEvent| {
        say(actor, std::slice::from_ref(before), OperationCommand::Cancel).map(|events| events.len())
    };
    for who in [auditor, operator] {
        assert_eq!(cancel(who, &asked), Ok(1));
    }
    let rebuilding = OperationEvent::Requested(rebuild("tasks"));
    assert_eq!(cancel(auditor, &rebuilding), Err(OperationError::Forbidden));
    assert_eq!(cancel(member(creator()), &asked), Err(OperationError::Forbidden));
    assert_eq!(say(auditor, &[], OperationCommand::Cancel), Err(OperationError::Forbidden));
}

#[test]
fn an_export_takes_what_fits_all_that_is_asked() {
    let (aggregate, intent) = (Uuid::from_u128(7), Uuid::from_u128(8));
    let event = Exported {
        what: "task.assigned",
        aggregate: Some(aggregate),
        actor: Some(creator()),
        correlation: Some(intent),
    };
    let all = Export::everything(ExportKind::Events, ExportFormat::Csv);
    let pattern = |text| EventPattern::parse(text).unwrap();
    let fits = Export {
        types: vec![pattern("user.*"), pattern("task.assigned")],
        aggregate: Some(aggregate),
        actor: Some(creator()),
        correlation: Some(intent),
        ..all.clone()
    };
    assert!(all.takes(&event) && fits.takes(&event));
    for misfit in [
        Export { types: vec![pattern("task.created")], ..all.clone() },
        Export { aggregate: Some(intent), ..all.clone() },
        Export { actor: Some(UserId(intent)), ..all.clone() },
        Export { correlation: Some(aggregate), ..all.clone() },
    ] {
        assert!(!misfit.takes(&event), "{misfit:?}");
        assert!(
            !Export { types: Vec::new(), actions: Vec::new(), ..fits.clone() }
                .takes(&Exported { actor: None, ..event })
        );
    }
    let records = Export::everything(ExportKind::AuditRecords, ExportFormat::Csv);
    let of = |text| Export { actions: vec![ActionPattern::parse(text).unwrap()], ..records.clone() };
    let login = Exported { what: "auth.login", ..event };
    assert!(of("auth.*").takes(&login) && of("auth.login").takes(&login) && !of("auth.log").takes(&login));
    for bad in ["", "a b", "*.x", "\"", "ä"] {
        assert!(ActionPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_wish_for_an_export_is_stored_as_it_was_said() {
    let wish = Requested::export(Export {
        from: Some("7".parse().unwrap()),
        types: vec![EventPattern::parse("task.*").unwrap()],
        actor: Some(creator()),
        include_seals: true,
        ..Export::everything(ExportKind::Events, ExportFormat::Ndjson)
    });
    let stored = to_stored(&OperationEvent::Requested(wish.clone())).unwrap();
    let expected = format!(
        r#"{{"kind":"export","subject":"events","export":{{"kind":"events","format":"ndjson","from":"7","types":["task.*"],"actor":"{}","include_seals":true}}}}"#,
        creator()
    );
    assert_eq!(stored, expected);
    let read: OperationEvent = from_stored("operation.requested", "1", &stored).unwrap();
    assert_eq!(read, OperationEvent::Requested(wish));
}
