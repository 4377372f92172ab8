//! The user: signing up, profile, roles, being locked out. Passwords and sessions are not here.

mod aggregate;
mod commands;
mod decide;
mod error;
mod events;
pub mod values;

pub use aggregate::User;
pub use commands::{NewUser, Profile, Proof, UserCommand, UserContext, UserFacts};
pub use error::UserError;
pub use events::{
    Imported, Invited, Locked, LoginsFailed, RefreshTokenReused, Registered, RoleEntry, StateChange,
    UserEvent,
};
