//! The core system: every change is told to it by its Interface API (`docs/interface-api.json`).

mod answer;
mod breaker;
mod client;

pub use breaker::{Breaker, State};
pub use client::{Interface, InterfaceArgs, LeftAlone};
