//! What leaves, and what comes back.

mod google;
mod interface;
mod push;
pub(crate) mod receiver;
mod webhook;
