//! How a user decides about mailed links and passwords.
//!
//! Whoever asks for a mail is never told whether it is sent: no such decision is a refusal. The password itself is kept
//! elsewhere; it counts when an event says so, so that it cannot be half set.

use chrono::TimeDelta;

use super::{
    Link, PasswordChanged, PasswordProof, PasswordResetRequested, ResetOccasion, SignUp, User, UserContext,
    UserError, UserEvent, VerificationRequested, decide::Decided, values::UserState,
};
use crate::{
    event::Nothing,
    ids::{CredentialId, LinkId},
    time::Timestamp,
};

/// How long a link verifies an address, and an invitation holds.
const VERIFICATION: TimeDelta = TimeDelta::hours(24);
/// How long a link sets a password.
const RESET: TimeDelta = TimeDelta::minutes(30);

impl User {
    pub(super) fn repeat_sign_up(&self, sign_up: SignUp, context: &UserContext) -> Decided {
        let state = self.must_exist()?;
        if !self.mails.admit(context.now) {
            return Ok(Vec::new());
        }
        Ok(match state {
            // Invited: nobody's word about the password counts but that of who reads the mail.
            UserState::Unverified if self.credential.is_none() => vec![invitation(sign_up.link, context.now)],
            UserState::Unverified => vec![verification(sign_up, context.now)],
            UserState::Active => vec![UserEvent::SignUpRepeated(Nothing {})],
            UserState::Deactivated => Vec::new(),
        })
    }

    pub(super) fn request_password_reset(&self, link: LinkId, context: &UserContext) -> Decided {
        if !self.exists() || self.deactivated || !self.mails.admit(context.now) {
            return Ok(Vec::new());
        }
        let expires_at = context.now.plus(RESET);
        let occasion = ResetOccasion::Forgotten;
        Ok(vec![UserEvent::PasswordResetRequested(PasswordResetRequested { link, expires_at, occasion })])
    }

    pub(super) fn reset_password(
        &self,
        link: LinkId,
        credential: CredentialId,
        needs_factor: bool,
        context: &UserContext,
    ) -> Decided {
        self.check_reset(link, context.now)?;
        self.must_suffice(needs_factor)?;
        let by = PasswordProof::Reset;
        let mut events = vec![UserEvent::PasswordChanged(PasswordChanged { by, credential })];
        if !self.verified {
            events.extend(self.become_verified());
        }
        Ok(events)
    }

    /// Whether this link sets the password at this moment.
    pub fn check_reset(&self, link: LinkId, now: Timestamp) -> Result<(), UserError> {
        check(self.reset, link, now)
    }

    /// With a sign-up's link comes its password: two may have signed up with one address.
    pub(super) fn verify_by_mail(&self, link: LinkId, now: Timestamp) -> Decided {
        check(self.verification.map(|verification| verification.link), link, now)?;
        let credential = self.verification.map(|verification| verification.credential);
        let credential = credential.filter(|credential| Some(*credential) != self.credential);
        let by = PasswordProof::SignUp;
        let changed =
            credential.map(|credential| UserEvent::PasswordChanged(PasswordChanged { by, credential }));
        Ok(changed.into_iter().chain(self.become_verified()).collect())
    }

    pub(super) fn change_password(
        &self,
        old: Option<CredentialId>,
        new: CredentialId,
        needs_factor: bool,
    ) -> Decided {
        self.must_exist()?;
        if self.credential != old {
            return Err(UserError::WrongPassword);
        }
        self.must_suffice(needs_factor)?;
        let by = PasswordProof::Change;
        Ok(vec![UserEvent::PasswordChanged(PasswordChanged { by, credential: new })])
    }

    /// A password that needs a second factor is none for who has none.
    fn must_suffice(&self, needs_factor: bool) -> Result<(), UserError> {
        if needs_factor && self.totp.is_none() { Err(UserError::PasswordNeedsFactor) } else { Ok(()) }
    }
}

/// The link of an invitation: sets the first password.
pub(super) fn invitation(link: LinkId, now: Timestamp) -> UserEvent {
    let (expires_at, occasion) = (now.plus(VERIFICATION), ResetOccasion::Invitation);
    UserEvent::PasswordResetRequested(PasswordResetRequested { link, expires_at, occasion })
}

/// The link of a sign-up.
pub(super) fn verification(sign_up: SignUp, now: Timestamp) -> UserEvent {
    let SignUp { link, credential } = sign_up;
    let expires_at = now.plus(VERIFICATION);
    UserEvent::VerificationRequested(VerificationRequested { link, expires_at, credential })
}

fn check(newest: Option<Link>, presented: LinkId, now: Timestamp) -> Result<(), UserError> {
    match newest {
        Some(link) if link.opens(presented, now) => Ok(()),
        Some(_) | None => Err(UserError::LinkVoid),
    }
}
