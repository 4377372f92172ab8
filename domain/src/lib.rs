//! Tasks and users as pure decisions over events: no I/O, no clock, no randomness, no SQL.
//!
//! An *aggregate* decides (`state, command, facts, now → events or error`) and applies (`state, event → state`).
//! *Facts* about other aggregates are loaded before and passed in; ids and time come in with the command.

pub mod actor;
pub mod event;
pub mod filter;
pub mod ids;
pub mod operation;
pub mod personal;
pub mod policy;
pub mod stored;
pub mod task;
mod text;
pub mod time;
pub mod upcasters;
pub mod user;
pub mod violation;
mod words;
