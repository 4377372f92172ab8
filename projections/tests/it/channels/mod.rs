//! What leaves, and what comes back.

pub(crate) mod google;
mod interface;
mod push;
pub(crate) mod receiver;
mod webhook;
