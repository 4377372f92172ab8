//! The second factor: what is in force, and that a recovery code is good once.

use cqrs_es::{Aggregate, test::TestFramework};
use domain::{
    actor::Actor,
    event::Nothing,
    ids::{CredentialId, LinkId},
    policy::{Role, RoleSet},
    user::{
        PasswordChanged, PasswordProof, PasswordResetRequested, RecoveryCodeUsed, RecoveryCodes,
        RecoveryCodesRenewed, ResetOccasion, RoleEntry, TotpEnabled, User, UserCommand, UserContext,
        UserError, UserEvent, UserFacts,
    },
};
use uuid::Uuid;

use crate::given::{member, noon, user};
use crate::users::active;

type Outcome = Result<Vec<UserEvent>, UserError>;

const FIRST: TotpEnabled = TotpEnabled { secret: Uuid::from_u128(1), recovery_codes: Uuid::from_u128(2) };
const OTHER: TotpEnabled = TotpEnabled { secret: Uuid::from_u128(3), recovery_codes: Uuid::from_u128(4) };

fn ask(actor: Actor, after: &[UserEvent], command: UserCommand) -> Outcome {
    let given = [active().as_slice(), after].concat();
    let context = UserContext { user: user(1), actor, now: noon(), facts: UserFacts::default() };
    TestFramework::<User>::with(context).given(given).when(command).inspect_result()
}

fn himself() -> Actor {
    member(user(1))
}

fn enabled() -> UserEvent {
    UserEvent::TotpEnabled(FIRST)
}

fn renewed(id: Uuid) -> UserEvent {
    UserEvent::RecoveryCodesRenewed(RecoveryCodesRenewed { recovery_codes: id })
}

fn used(number: u8, left: u8) -> UserEvent {
    UserEvent::RecoveryCodeUsed(RecoveryCodeUsed { number, left })
}

fn present(recovery_codes: Uuid, number: u8) -> UserCommand {
    UserCommand::UseRecoveryCode { recovery_codes, number }
}

fn after(events: &[UserEvent]) -> User {
    let mut user = User::default();
    active().into_iter().chain(events.iter().cloned()).for_each(|event| user.apply(event));
    user
}

#[test]
fn one_second_factor_at_a_time() {
    let enable = |enabled| ask(himself(), &[self::enabled()], UserCommand::EnableTotp(enabled));
    assert_eq!(ask(himself(), &[], UserCommand::EnableTotp(FIRST)), Ok(vec![enabled()]));
    assert_eq!(enable(FIRST), Ok(vec![]));
    assert_eq!(enable(OTHER), Err(UserError::SecondFactor));
    let disabled = UserEvent::TotpDisabled(Nothing {});
    assert_eq!(
        ask(himself(), &[enabled()], UserCommand::DisableTotp { password: None }),
        Ok(vec![disabled.clone()])
    );
    assert_eq!(ask(himself(), &[], UserCommand::DisableTotp { password: None }), Ok(vec![]));
    let again = ask(himself(), &[enabled(), disabled], UserCommand::EnableTotp(OTHER));
    assert_eq!(again, Ok(vec![UserEvent::TotpEnabled(OTHER)]));
}

#[test]
fn it_is_nobody_elses() {
    let admin = Actor::User { id: user(2), roles: RoleSet::of(&[Role::Admin, Role::Member]) };
    let renew = UserCommand::RenewRecoveryCodes { recovery_codes: OTHER.recovery_codes };
    for command in [UserCommand::EnableTotp(FIRST), UserCommand::DisableTotp { password: None }, renew] {
        for actor in [admin, Actor::Anonymous, member(user(3))] {
            assert_eq!(ask(actor, &[enabled()], command.clone()), Err(UserError::Forbidden), "{command:?}");
        }
    }
}

#[test]
fn a_recovery_code_is_good_once() {
    let codes = FIRST.recovery_codes;
    assert_eq!(ask(himself(), &[enabled()], present(codes, 3)), Ok(vec![used(3, 9)]));
    assert_eq!(ask(himself(), &[enabled(), used(3, 9)], present(codes, 4)), Ok(vec![used(4, 8)]));
    let worthless = Err(UserError::RecoveryCodeWorthless);
    assert_eq!(ask(himself(), &[enabled(), used(3, 9)], present(codes, 3)), worthless);
    assert_eq!(ask(himself(), &[enabled()], present(OTHER.recovery_codes, 3)), worthless);
    assert_eq!(ask(himself(), &[enabled()], present(codes, RecoveryCodes::COUNT)), worthless);
    assert_eq!(ask(himself(), &[], present(codes, 3)), Err(UserError::SecondFactor));
    let all: Vec<_> = (0..RecoveryCodes::COUNT).map(|number| used(number, 9 - number)).collect();
    let spent = after(&[vec![enabled()], all].concat()).totp.unwrap().recovery_codes;
    assert_eq!((spent.left(), spent.has(0), spent.has(9)), (0, false, false));
}

#[test]
fn new_recovery_codes_take_the_place_of_the_old() {
    let id = OTHER.recovery_codes;
    let renew = || UserCommand::RenewRecoveryCodes { recovery_codes: id };
    let since = [enabled(), used(0, 9)];
    assert_eq!(ask(himself(), &since, renew()), Ok(vec![renewed(id)]));
    assert_eq!(ask(himself(), &[], renew()), Err(UserError::SecondFactor));
    let since = [enabled(), used(0, 9), renewed(id)];
    assert_eq!(
        ask(himself(), &since, present(FIRST.recovery_codes, 1)),
        Err(UserError::RecoveryCodeWorthless)
    );
    assert_eq!(ask(himself(), &since, present(id, 0)), Ok(vec![used(0, 9)]));
}

#[test]
fn sessions_end_when_what_proves_who_one_is_changes() {
    let disabled = UserEvent::TotpDisabled(Nothing {});
    let role = UserEvent::RoleGranted(RoleEntry { role: Role::Manager });
    let events = [enabled(), used(1, 9), renewed(OTHER.recovery_codes), role, disabled];
    let epochs = (0..=events.len()).map(|count| after(&events[..count]).session_epoch);
    assert_eq!(epochs.collect::<Vec<_>>(), [0, 1, 1, 1, 1, 2]);
}

/// A short password and no second factor never stand together, whichever comes first.
#[test]
fn a_short_password_stands_only_beside_a_second_factor() {
    let (short, link) = (CredentialId(Uuid::from_u128(7)), LinkId(Uuid::from_u128(8)));
    let change = UserCommand::ChangePassword { old: None, new: short, needs_factor: true };
    let reset = UserCommand::ResetPassword { link, credential: short, needs_factor: true };
    let expires_at = noon().plus(chrono::TimeDelta::minutes(30));
    let occasion = ResetOccasion::Forgotten;
    let asked = UserEvent::PasswordResetRequested(PasswordResetRequested { link, expires_at, occasion });
    for (command, by) in [(change, PasswordProof::Change), (reset, PasswordProof::Reset)] {
        let changed = UserEvent::PasswordChanged(PasswordChanged { by, credential: short });
        let refused = ask(himself(), std::slice::from_ref(&asked), command.clone());
        assert_eq!(refused, Err(UserError::PasswordNeedsFactor));
        assert_eq!(ask(himself(), &[asked.clone(), enabled()], command), Ok(vec![changed.clone()]));
        // The password that was looked at when the factor was to go is not the one that counts.
        let disable =
            |password| ask(himself(), &[enabled(), changed.clone()], UserCommand::DisableTotp { password });
        assert_eq!(disable(None), Err(UserError::SecondFactor));
        assert_eq!(disable(Some(short)), Ok(vec![UserEvent::TotpDisabled(Nothing {})]));
    }
}
