//! The user: signing up, profile, roles, being locked out. Passwords and sessions are not here.

mod aggregate;
mod commands;
mod decide;
mod error;
mod events;
mod totp;
pub mod values;

pub use aggregate::User;
pub use commands::{NewUser, Profile, Proof, UserCommand, UserContext, UserFacts};
pub use error::UserError;
pub use events::{
    Imported, Invited, RecoveryCodeUsed, RecoveryCodesRenewed, RefreshTokenReused, Registered, RoleEntry,
    StateChange, TotpEnabled, UserEvent,
};
pub use totp::{RecoveryCodes, Totp};
