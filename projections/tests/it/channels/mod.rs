//! What leaves, and what comes back.

mod google;
mod interface;
mod push;
mod receiver;
mod webhook;
