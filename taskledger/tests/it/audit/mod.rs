//! The questions of `docs/audit.md`, asked as an auditor asks them.

mod attempts;
mod caused;
mod circumstances;
mod counted;
mod office;
mod questions;
mod records;
mod taken_away;
