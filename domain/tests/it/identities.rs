//! Outside identities: signing up by one, linking, parting.

use cqrs_es::test::TestFramework;
use domain::{
    actor::Actor,
    ids::IdentityId,
    personal::Sealed,
    policy::Role,
    user::{
        Identity, IdentityLinked, IdentityUnlinked, LinkProof, User, UserCommand, UserContext, UserError,
        UserEvent, UserFacts, values::UserState,
    },
};
use uuid::Uuid;

use crate::{
    given::{member, noon, user},
    users::{active, after, deactivated, granted, new_user, registered, verified},
};

type Outcome = Result<Vec<UserEvent>, UserError>;

fn ask(actor: Actor, given: &[UserEvent], command: UserCommand) -> Outcome {
    let context = UserContext { user: user(1), actor, now: noon(), facts: UserFacts::default() };
    TestFramework::<User>::with(context).given(given.to_vec()).when(command).inspect_result()
}

fn identity(id: u128, issuer: &str, subject: &str) -> Identity {
    Identity {
        id: IdentityId(Uuid::from_u128(id)),
        provider: "corp".into(),
        issuer: format!("https://{issuer}"),
        subject: Sealed(subject.into()),
    }
}

fn linked(identity: Identity, by: LinkProof) -> UserEvent {
    let Identity { id, provider, issuer, subject } = identity;
    UserEvent::IdentityLinked(IdentityLinked { identity: id, provider, issuer, subject, by })
}

fn by_email(id: u128, issuer: &str, subject: &str) -> UserEvent {
    linked(identity(id, issuer, subject), LinkProof::VerifiedEmail)
}

fn unlinked(id: u128) -> UserEvent {
    UserEvent::IdentityUnlinked(IdentityUnlinked { identity: IdentityId(Uuid::from_u128(id)) })
}

fn part(given: &[UserEvent], id: u128, has_password: bool) -> Outcome {
    let command = UserCommand::UnlinkIdentity { identity: IdentityId(Uuid::from_u128(id)), has_password };
    ask(member(user(1)), given, command)
}

#[test]
fn who_signs_up_by_an_identity_is_active_at_once() {
    let command = || UserCommand::SignUpOutside { user: new_user(), identity: identity(1, "a", "x") };
    let events = vec![
        registered(),
        verified(),
        granted(Role::Member),
        linked(identity(1, "a", "x"), LinkProof::SignUp),
    ];
    assert_eq!(ask(Actor::Anonymous, &[], command()), Ok(events.clone()));
    let user = after(&events);
    assert_eq!((user.state(), user.credential), (UserState::Active, None));
    assert_eq!(user.identities, [identity(1, "a", "x")]);
    assert_eq!(ask(Actor::Anonymous, &active(), command()), Err(UserError::IdTaken));
}

#[test]
fn one_identity_of_each_provider() {
    let link = |given: &[UserEvent], identity| {
        let given = [active().as_slice(), given].concat();
        ask(Actor::Anonymous, &given, UserCommand::LinkIdentity(identity))
    };
    let first = by_email(1, "a", "x");
    assert_eq!(link(&[], identity(1, "a", "x")), Ok(vec![first.clone()]));
    assert_eq!(link(std::slice::from_ref(&first), identity(2, "a", "x")), Ok(vec![]));
    assert_eq!(link(std::slice::from_ref(&first), identity(2, "a", "y")), Err(UserError::IdentityConflict));
    assert_eq!(link(&[first], identity(2, "b", "x")), Ok(vec![by_email(2, "b", "x")]));
}

#[test]
fn only_active_users_are_linked() {
    let command = || UserCommand::LinkIdentity(identity(1, "a", "x"));
    let refused = |state| Err(UserError::StateNotAllowed { state });
    assert_eq!(ask(Actor::Anonymous, &[], command()), Err(UserError::NotFound));
    assert_eq!(ask(Actor::Anonymous, &[registered()], command()), refused(UserState::Unverified));
    let gone = [active().as_slice(), &[deactivated()]].concat();
    assert_eq!(ask(Actor::Anonymous, &gone, command()), refused(UserState::Deactivated));
}

#[test]
fn something_must_let_in_who_parts_with_an_identity() {
    let one = [active().as_slice(), &[by_email(1, "a", "x")]].concat();
    let two = [one.as_slice(), &[by_email(2, "b", "x")]].concat();
    assert_eq!(part(&one, 1, true), Ok(vec![unlinked(1)]));
    assert_eq!(part(&one, 1, false), Err(UserError::LastWayIn));
    assert_eq!(part(&two, 1, false), Ok(vec![unlinked(1)]));
    assert_eq!(part(&one, 2, true), Err(UserError::NotFound));
    assert_eq!(part(&[], 1, true), Err(UserError::NotFound));
    let command =
        UserCommand::UnlinkIdentity { identity: IdentityId(Uuid::from_u128(1)), has_password: true };
    assert_eq!(ask(member(user(2)), &one, command), Err(UserError::Forbidden));
}

#[test]
fn parting_ends_all_sessions() {
    let before = after(&[active().as_slice(), &[by_email(1, "a", "x"), by_email(2, "b", "x")]].concat());
    let given = [active().as_slice(), &[by_email(1, "a", "x"), by_email(2, "b", "x"), unlinked(1)]].concat();
    let parted = after(&given);
    assert_eq!(parted.identities, [identity(2, "b", "x")]);
    assert_eq!((parted.epoch, parted.session_epoch), (before.epoch + 1, before.session_epoch + 1));
}
