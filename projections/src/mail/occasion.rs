//! Which event is an occasion to write to somebody.

use chrono::TimeDelta;
use domain::{
    personal::Sealed,
    time::Timestamp,
    user::{LinkProof, PasswordProof, ResetOccasion, UserEvent},
};
use event_store::envelope::Envelope;
use uuid::Uuid;

/// What happened longer ago is no news: a sender that begins with an old log tells nobody of it.
const NEWS: TimeDelta = TimeDelta::days(3);

/// What to write about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Occasion {
    /// Somebody signed up with this address: is it theirs?
    Verification { link: Uuid },
    /// An admin has made an account for them.
    Invitation { link: Uuid },
    /// Somebody signed up with an address that has an account.
    SignUpRepeated,
    /// Somebody says to have forgotten the password.
    Forgotten { link: Uuid },
    /// There is another password.
    PasswordChanged,
    /// A session was in two hands; from which addresses.
    TokenReused { used_from: Sealed, reused_from: Sealed },
    /// Wrong passwords were tried; the last one from which address.
    LoginsFailed { count: u32, tried_from: Sealed },
    /// An identity at this issuer lets them in too.
    IdentityLinked { issuer: String },
}

/// The occasion that an event is, if it still matters.
pub(super) fn occasion(at: &Envelope, event: &UserEvent, now: Timestamp) -> Option<Occasion> {
    let is_news = now < at.recorded_at.plus(NEWS);
    match event {
        UserEvent::VerificationRequested(asked) => {
            (now < asked.expires_at).then_some(Occasion::Verification { link: asked.link.0 })
        }
        UserEvent::PasswordResetRequested(asked) => {
            let link = asked.link.0;
            (now < asked.expires_at).then_some(match asked.occasion {
                ResetOccasion::Forgotten => Occasion::Forgotten { link },
                ResetOccasion::Invitation => Occasion::Invitation { link },
            })
        }
        UserEvent::SignUpRepeated(_) => is_news.then_some(Occasion::SignUpRepeated),
        UserEvent::PasswordChanged(changed) => match changed.by {
            // They have just chosen it.
            PasswordProof::SignUp => None,
            PasswordProof::Reset | PasswordProof::Change => is_news.then_some(Occasion::PasswordChanged),
        },
        UserEvent::RefreshTokenReused(reuse) => is_news.then(|| Occasion::TokenReused {
            used_from: reuse.used_from.clone(),
            reused_from: reuse.reused_from.clone(),
        }),
        UserEvent::LoginsFailed(failed) => is_news
            .then(|| Occasion::LoginsFailed { count: failed.count, tried_from: failed.tried_from.clone() }),
        UserEvent::IdentityLinked(linked) => match linked.by {
            // They have just come by it.
            LinkProof::SignUp => None,
            LinkProof::VerifiedEmail => {
                is_news.then(|| Occasion::IdentityLinked { issuer: linked.issuer.clone() })
            }
        },
        UserEvent::Registered(_)
        | UserEvent::Invited(_)
        | UserEvent::Imported(_)
        | UserEvent::Verified(_)
        | UserEvent::NameChanged(_)
        | UserEvent::LocaleChanged(_)
        | UserEvent::TimeZoneChanged(_)
        | UserEvent::RoleGranted(_)
        | UserEvent::RoleRevoked(_)
        | UserEvent::Deactivated(_)
        | UserEvent::Reactivated(_)
        | UserEvent::LoggedOut(_)
        | UserEvent::Locked(_)
        | UserEvent::ServiceAccountCreated(_)
        | UserEvent::ApiKeyCreated(_)
        | UserEvent::ApiKeyRevoked(_)
        | UserEvent::TotpEnabled(_)
        | UserEvent::TotpDisabled(_)
        | UserEvent::RecoveryCodesRenewed(_)
        | UserEvent::RecoveryCodeUsed(_)
        | UserEvent::IdentityUnlinked(_)
        | UserEvent::NotificationPreferencesChanged(_)
        | UserEvent::DeviceRegistered(_)
        | UserEvent::DeviceRemoved(_) => None,
    }
}
