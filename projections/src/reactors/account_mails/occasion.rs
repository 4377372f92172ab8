//! Which event is an occasion to write to somebody.

use chrono::TimeDelta;
use domain::{
    time::Timestamp,
    user::{LinkProof, PasswordProof, ResetOccasion, UserEvent},
};
use event_store::envelope::Envelope;

use crate::channels::email::Occasion;

/// What happened longer ago is no news: a reactor that begins with an old log tells nobody of it.
const NEWS: TimeDelta = TimeDelta::days(3);

/// The occasion that an event is, and until when it matters.
pub(super) fn occasion(at: &Envelope, event: &UserEvent) -> Option<(Occasion, Timestamp)> {
    let news = |occasion| Some((occasion, at.recorded_at.plus(NEWS)));
    match event {
        UserEvent::VerificationRequested(asked) => {
            Some((Occasion::Verification { link: asked.link.0 }, asked.expires_at))
        }
        UserEvent::PasswordResetRequested(asked) => {
            let link = asked.link.0;
            let occasion = match asked.occasion {
                ResetOccasion::Forgotten => Occasion::Forgotten { link },
                ResetOccasion::Invitation => Occasion::Invitation { link },
            };
            Some((occasion, asked.expires_at))
        }
        UserEvent::SignUpRepeated(_) => news(Occasion::SignUpRepeated),
        UserEvent::PasswordChanged(changed) => match changed.by {
            // They have just chosen it.
            PasswordProof::SignUp => None,
            PasswordProof::Reset | PasswordProof::Change => news(Occasion::PasswordChanged),
        },
        UserEvent::RefreshTokenReused(reuse) => news(Occasion::TokenReused {
            used_from: reuse.used_from.clone(),
            reused_from: reuse.reused_from.clone(),
        }),
        UserEvent::LoginsFailed(failed) => {
            news(Occasion::LoginsFailed { count: failed.count, tried_from: failed.tried_from.clone() })
        }
        UserEvent::IdentityLinked(linked) => match linked.by {
            // They have just come by it.
            LinkProof::SignUp => None,
            LinkProof::VerifiedEmail => news(Occasion::IdentityLinked { issuer: linked.issuer.clone() }),
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
        | UserEvent::DeviceRemoved(_)
        | UserEvent::Erased(_) => None,
    }
}
