//! The user: signing up, profile, roles, which password counts, which outside identities do, being locked out. Passwords
//! themselves and sessions are not here.

mod aggregate;
mod api_keys;
mod commands;
mod decide;
mod devices;
mod erasure;
mod error;
mod events;
mod identities;
mod links;
mod passwords;
mod totp;
pub mod values;

pub use aggregate::User;
pub use api_keys::{ApiKey, ApiKeys};
pub use commands::{NewUser, Profile, Proof, SignUp, UserCommand, UserContext, UserFacts};
pub use devices::{Device, Platform, Removal};
pub use error::UserError;
pub use events::{
    ApiKeyCreated, ApiKeyEntry, DeviceRegistered, DeviceRemoved, IdentityLinked, IdentityUnlinked, Imported,
    Invited, LinkProof, Locked, LoginsFailed, PasswordChanged, PasswordProof, PasswordResetRequested,
    RecoveryCodeUsed, RecoveryCodesRenewed, RefreshTokenReused, Registered, ResetOccasion, RoleEntry,
    ServiceAccountCreated, StateChange, TotpEnabled, UserEvent, VerificationRequested,
};
pub use identities::Identity;
pub use links::{Link, RecentMails, Verification};
pub use totp::{RecoveryCodes, Totp};
