//! Calls to the outside: bounded in time and size, no redirects, no proxy from the environment, one request per call.
//!
//! Where a call may go is its client's [`Reach`]: addresses that the configuration names may be anywhere, those that users
//! name lie outside, and that is checked three times: when the address is taken, before each call, and when the name has
//! been resolved, on exactly the addresses that are dialled.

mod address;
mod allowed;
mod answer;
mod args;
mod client;
mod error;
mod names;
mod ports;
mod reach;

pub use address::is_public;
pub use allowed::{Allowed, InvalidAllowed};
pub use answer::Answer;
pub use args::{OutboundArgs, ReachArgs};
pub use client::{Client, Limits, Options, Request, Unusable};
pub use error::CallError;
pub use names::{Names, SystemNames};
pub use ports::{InvalidPorts, Ports};
pub use reach::{Outside, Reach, Refusal};
pub use reqwest::{Certificate, Method, StatusCode, Url, header};
