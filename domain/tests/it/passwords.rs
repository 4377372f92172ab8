//! Mailed links, and which password counts.

use chrono::TimeDelta;
use domain::{
    actor::Actor,
    event::{Nothing, Timed},
    ids::{CredentialId, LinkId},
    policy::Role,
    time::Timestamp,
    user::{
        PasswordChanged, PasswordProof, PasswordResetRequested, Proof, ResetOccasion, SignUp, User,
        UserCommand, UserContext, UserError, UserEvent, UserFacts, VerificationRequested, values::UserState,
    },
};
use uuid::Uuid;

use crate::{
    given::noon,
    users::{active, admin, after, deactivated, granted, himself, invited, registered, somebody, verified},
};

type Outcome = Result<Vec<UserEvent>, UserError>;

const VOID: Outcome = Err(UserError::LinkVoid);

pub(crate) fn link(n: u128) -> LinkId {
    LinkId(Uuid::from_u128(0xa000 + n))
}

fn credential(n: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(0xc000 + n))
}

pub(crate) fn sign_up(n: u128) -> SignUp {
    SignUp { link: link(n), credential: credential(n) }
}

fn after_noon(minutes: i64) -> Timestamp {
    noon().plus(TimeDelta::minutes(minutes))
}

/// Asked for at noon, as everything here.
pub(crate) fn verification(n: u128) -> UserEvent {
    let SignUp { link, credential } = sign_up(n);
    let expires_at = after_noon(24 * 60);
    UserEvent::VerificationRequested(VerificationRequested { link, expires_at, credential })
}

pub(crate) fn invitation(n: u128) -> UserEvent {
    let (expires_at, occasion) = (after_noon(24 * 60), ResetOccasion::Invitation);
    UserEvent::PasswordResetRequested(PasswordResetRequested { link: link(n), expires_at, occasion })
}

fn reset_link(n: u128) -> UserEvent {
    let (expires_at, occasion) = (after_noon(30), ResetOccasion::Forgotten);
    UserEvent::PasswordResetRequested(PasswordResetRequested { link: link(n), expires_at, occasion })
}

fn changed(by: PasswordProof, n: u128) -> UserEvent {
    UserEvent::PasswordChanged(PasswordChanged { by, credential: credential(n) })
}

fn repeated() -> UserEvent {
    UserEvent::SignUpRepeated(Nothing {})
}

fn forgotten(n: u128) -> UserCommand {
    UserCommand::RequestPasswordReset { link: link(n) }
}

fn reset(link: LinkId, n: u128) -> UserCommand {
    UserCommand::ResetPassword { link, credential: credential(n), needs_factor: false }
}

fn verify(n: u128) -> UserCommand {
    UserCommand::Verify { proof: Proof::Mail(link(n)) }
}

/// An active member, and then this.
fn active_and(events: &[UserEvent]) -> Vec<UserEvent> {
    [&active()[..], events].concat()
}

fn at(now: Timestamp, actor: Actor, user: &User, command: UserCommand) -> Outcome {
    let context = UserContext { user: somebody(), actor, now, facts: UserFacts::default() };
    user.decide(command, &context)
}

fn ask(events: &[UserEvent], command: UserCommand) -> Outcome {
    at(noon(), Actor::Anonymous, &after(events), command)
}

#[test]
fn a_mailed_link_verifies_once_and_in_time() {
    let new = [registered(), verification(1)];
    let welcome = Ok(vec![verified(), granted(Role::Member)]);
    assert_eq!(ask(&new, verify(1)), welcome);
    assert_eq!(ask(&new, verify(2)), VOID);
    let last_moment = after_noon(24 * 60).plus(TimeDelta::microseconds(-1));
    assert_eq!(at(last_moment, Actor::Anonymous, &after(&new), verify(1)), welcome);
    assert_eq!(at(after_noon(24 * 60), Actor::Anonymous, &after(&new), verify(1)), VOID);
    assert_eq!(ask(&[&new[..], &[verified()]].concat(), verify(1)), VOID);
    assert_eq!(ask(&[&new[..], &[deactivated()]].concat(), verify(1)), VOID);
    assert_eq!(ask(&[], verify(1)), VOID);
    assert_eq!(ask(&active_and(&[reset_link(1)]), verify(1)), VOID);
    assert_eq!(ask(&[registered(), reset_link(1)], verify(1)), VOID);
}

#[test]
fn of_two_sign_ups_the_one_whose_link_is_used_sets_the_password() {
    let repeat = |n| UserCommand::RepeatSignUp(sign_up(n));
    let once = [registered(), verification(1)];
    assert_eq!(after(&once).credential, Some(credential(1)));
    assert_eq!(ask(&once, repeat(2)), Ok(vec![verification(2)]));
    let twice = [registered(), verification(1), verification(2)];
    assert_eq!(after(&twice).credential, Some(credential(1)));
    assert_eq!(ask(&twice, verify(1)), VOID);
    let theirs = changed(PasswordProof::SignUp, 2);
    assert_eq!(ask(&twice, verify(2)), Ok(vec![theirs.clone(), verified(), granted(Role::Member)]));
    assert_eq!(after(&[&twice[..], &[theirs, verified()]].concat()).credential, Some(credential(2)));
    // An admin's word says nothing about who came second.
    let word = UserCommand::Verify { proof: Proof::Word };
    let welcome = Ok(vec![verified(), granted(Role::Member)]);
    assert_eq!(at(noon(), admin(), &after(&twice), word), welcome);
    assert_eq!(after(&[&twice[..], &[verified()]].concat()).credential, Some(credential(1)));
}

#[test]
fn signing_up_again_tells_who_is_there() {
    let repeat = || UserCommand::RepeatSignUp(sign_up(2));
    assert_eq!(ask(&active(), repeat()), Ok(vec![repeated()]));
    assert_eq!(ask(&active_and(&[deactivated()]), repeat()), Ok(vec![]));
    assert_eq!(ask(&[], repeat()), Err(UserError::NotFound));
    // Nobody slips a password under an invitation.
    let invited = [invited(&[Role::Admin]), invitation(1)];
    assert_eq!(ask(&invited, repeat()), Ok(vec![invitation(2)]));
    assert_eq!(after(&invited).credential, None);
}

#[test]
fn the_newest_link_resets_the_password_once_and_in_time() {
    assert_eq!(ask(&active(), forgotten(1)), Ok(vec![reset_link(1)]));
    let asked = active_and(&[reset_link(1), reset_link(2)]);
    let events = vec![changed(PasswordProof::Reset, 7)];
    let used = [&asked[..], &events].concat();
    let done = Ok(events);
    assert_eq!(ask(&asked, reset(link(1), 7)), VOID);
    assert_eq!(ask(&asked, reset(link(2), 7)), done);
    assert_eq!(after(&asked).check_reset(link(2), noon()), Ok(()));
    let last_moment = after_noon(30).plus(TimeDelta::microseconds(-1));
    assert_eq!(at(last_moment, Actor::Anonymous, &after(&asked), reset(link(2), 7)), done);
    assert_eq!(at(after_noon(30), Actor::Anonymous, &after(&asked), reset(link(2), 7)), VOID);
    assert_eq!(ask(&used, reset(link(2), 7)), VOID);
    assert_eq!(ask(&[&asked[..], &[deactivated()]].concat(), reset(link(2), 7)), VOID);
    assert_eq!(ask(&[], reset(link(2), 7)), VOID);
    assert_eq!(ask(&[registered(), verification(1)], reset(link(1), 7)), VOID);
}

#[test]
fn whoever_reads_the_mail_owns_the_address() {
    let welcome = vec![changed(PasswordProof::Reset, 7), verified(), granted(Role::Member)];
    let signed_up = [registered(), verification(1), reset_link(2)];
    assert_eq!(ask(&signed_up, reset(link(2), 7)), Ok(welcome.clone()));
    assert_eq!(ask(&[&signed_up[..], &welcome].concat(), verify(1)), VOID);
    let invited = [invited(&[Role::Auditor]), invitation(1)];
    assert_eq!(ask(&invited, reset(link(1), 7)), Ok(welcome[..2].to_vec()));
    assert_eq!(at(after_noon(24 * 60), Actor::Anonymous, &after(&invited), reset(link(1), 7)), VOID);
}

#[test]
fn nobody_learns_who_is_known() {
    assert_eq!(ask(&[], forgotten(1)), Ok(vec![]));
    assert_eq!(ask(&active_and(&[deactivated()]), forgotten(1)), Ok(vec![]));
    assert_eq!(ask(&[registered(), verification(1)], forgotten(2)), Ok(vec![reset_link(2)]));
}

/// Takes events in as loading does, each at so many minutes after noon.
fn over_time(events: &[(UserEvent, i64)]) -> User {
    let mut user = after(&active());
    for (event, minutes) in events {
        cqrs_es::Aggregate::apply(&mut user, event.clone());
        user.occurred(after_noon(*minutes));
    }
    user
}

#[test]
fn anybody_sets_off_three_mails_an_hour() {
    let user = over_time(&[(reset_link(1), 0), (repeated(), 10), (verification(3), 20)]);
    let asked = |user: &User, minutes, command| {
        let decided = at(after_noon(minutes), Actor::Anonymous, user, command);
        decided.unwrap().len()
    };
    let repeat = || UserCommand::RepeatSignUp(sign_up(4));
    for (minutes, mails) in [(20, 0), (59, 0), (60, 1)] {
        assert_eq!(asked(&user, minutes, forgotten(4)), mails, "{minutes}");
        assert_eq!(asked(&user, minutes, repeat()), mails, "{minutes}");
    }
    // Links that were sent stay good, and other events count for nothing.
    assert_eq!(user.check_reset(link(1), noon()), Ok(()));
    let role = granted(Role::Manager);
    let user = over_time(&[(reset_link(1), 0), (role.clone(), 1), (role, 2), (reset_link(2), 3)]);
    assert_eq!(asked(&user, 4, forgotten(3)), 1);
    // The window moves on with the latest three.
    let user = over_time(&[(reset_link(1), 0), (repeated(), 10), (repeated(), 20), (repeated(), 60)]);
    assert_eq!((asked(&user, 69, forgotten(4)), asked(&user, 70, forgotten(4))), (0, 1));
}

#[test]
fn who_knows_the_old_password_changes_it() {
    let change = |old, n| UserCommand::ChangePassword { old, new: credential(n), needs_factor: false };
    let done = Ok(vec![changed(PasswordProof::Change, 8)]);
    let before_passwords_had_names = after(&active());
    assert_eq!(at(noon(), himself(), &before_passwords_had_names, change(None, 8)), done);
    let user = after(&active_and(&[changed(PasswordProof::Reset, 7)]));
    assert_eq!(at(noon(), himself(), &user, change(Some(credential(7)), 8)), done);
    assert_eq!(at(noon(), himself(), &user, change(None, 8)), Err(UserError::WrongPassword));
    let other = change(Some(credential(6)), 8);
    assert_eq!(at(noon(), himself(), &user, other.clone()), Err(UserError::WrongPassword));
    for actor in [Actor::Anonymous, admin()] {
        assert_eq!(at(noon(), actor, &user, other.clone()), Err(UserError::Forbidden));
    }
}

#[test]
fn a_new_password_ends_all_sessions_and_voids_the_link() {
    for by in PasswordProof::ALL {
        let user = after(&active_and(&[reset_link(1)]));
        let (epoch, sessions) = (user.epoch, user.session_epoch);
        let user = after(&active_and(&[reset_link(1), changed(*by, 7)]));
        assert_eq!((user.epoch, user.session_epoch), (epoch + 1, sessions + 1));
        assert_eq!((user.reset, user.credential), (None, Some(credential(7))));
        assert_eq!(user.state(), UserState::Active);
    }
}
