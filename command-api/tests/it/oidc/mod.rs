//! Logging in by outside providers: a real one, and one that lies where it is told to.

mod account;
mod browser;
mod endings;
mod hostile;
mod lies;
mod real;
mod refusals;
mod states;

pub(crate) use browser::Browser;
pub(crate) use hostile::{Hostile, Lie};
