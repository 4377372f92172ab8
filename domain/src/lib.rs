//! Tasks and users as pure decisions over events: no I/O, no clock, no randomness, no SQL.
//!
//! An *aggregate* decides (`state, command, facts, now → events or error`) and applies (`state, event → state`).
//! *Facts* about other aggregates are loaded before and passed in; ids and time come in with the command.

pub mod actor;
pub mod alert;
pub mod announcement;
pub mod delivery;
pub mod event;
pub mod export;
pub mod filter;
pub mod ids;
pub mod inbox;
pub mod notice;
pub mod notification;
pub mod notification_rule;
pub mod operation;
pub mod personal;
pub mod policy;
pub mod record;
#[cfg(feature = "schemas")]
pub mod schemas;
pub mod stored;
pub mod task;
mod text;
pub mod time;
pub mod upcasters;
pub mod user;
pub mod violation;
pub mod webhook;
mod words;
