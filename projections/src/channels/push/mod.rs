//! Notes for phones and browsers, by Firebase Cloud Messaging (HTTP v1).

mod account;
mod channel;
mod message;
mod note;
mod outcome;
mod recipient;
mod send;
mod tokens;

pub use account::{InvalidAccount, ServiceAccount};
pub use channel::{Devices, NAME, Parts};
pub use message::{MAX_PAYLOAD, Note, TooLarge};
pub use outcome::Pushed;
pub use recipient::{InvalidRecipient, Recipient};
pub use send::{Push, PushArgs};
pub use tokens::TokenError;
