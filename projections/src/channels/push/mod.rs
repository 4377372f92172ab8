//! Notes for phones and browsers, by Firebase Cloud Messaging (HTTP v1).

mod account;
mod message;
mod outcome;
mod send;
mod tokens;

pub use account::{InvalidAccount, ServiceAccount};
pub use message::{MAX_PAYLOAD, Note, TooLarge};
pub use outcome::Pushed;
pub use send::{Push, PushArgs};
pub use tokens::TokenError;
