//! What leaves, and what comes back.

mod google;
mod push;
mod receiver;
mod webhook;
