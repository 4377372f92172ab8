//! The core system: every change is told to it by its Interface API (`docs/interface-api.json`).

mod answer;
mod breaker;
mod channel;
mod client;
mod fields;
mod standing;

pub use breaker::{Breaker, State};
pub use channel::{CoreSystem, NAME, RECIPIENT, SCHEDULE};
pub use client::{AskError, Interface, InterfaceArgs, LeftAlone};
pub use fields::Fields;
pub use standing::watch;
