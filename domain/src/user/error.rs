//! Why a command on a user is refused.

use super::values::UserState;
use crate::violation::FieldViolation;

/// A refusal in business words. "Already so" is none: it is success without events.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UserError {
    /// Never signed up.
    #[error("no such user")]
    NotFound,
    /// Not the caller's to do; also granting oneself a role.
    #[error("not allowed")]
    Forbidden,
    /// The id is in use.
    #[error("the id is taken")]
    IdTaken,
    /// The user's state does not admit it (verifying somebody locked out).
    #[error("not allowed while {state}")]
    StateNotAllowed {
        /// Where the user stands.
        state: UserState,
    },
    /// The link is not the newest of its kind, was used or has expired, or was never sent.
    #[error("the link is void")]
    LinkVoid,
    /// The password that was presented is not the one that counts.
    #[error("the password is wrong")]
    WrongPassword,
    /// As many API keys as one user may have.
    #[error("at most {max} API keys at a time")]
    TooManyKeys {
        /// How many.
        max: usize,
    },
    /// As many devices as one user may have.
    #[error("at most {max} devices at a time")]
    TooManyDevices {
        /// How many.
        max: usize,
    },
    /// The password will do only beside a second factor.
    #[error("the password is too short to do alone")]
    PasswordNeedsFactor,
    /// A second factor is asked for already, or none is.
    #[error("the second factor does not admit it")]
    SecondFactor,
    /// Not a recovery code in force, or used before.
    #[error("the recovery code is worthless")]
    RecoveryCodeWorthless,
    /// Another identity of the same provider lets this user in already.
    #[error("the user is somebody else at this provider")]
    IdentityConflict,
    /// There is no password and no other identity.
    #[error("nothing else would let the user in")]
    LastWayIn,
    /// Nobody would be left to manage users.
    #[error("the last admin stays")]
    LastAdmin,
    /// Nobody is there any more.
    #[error("the person is erased")]
    Erased,
    /// Rules about the data were broken; all of them.
    #[error("{} rules are broken", .0.len())]
    Invalid(Vec<FieldViolation>),
}
