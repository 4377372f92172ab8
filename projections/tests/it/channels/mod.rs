//! What leaves, and what comes back.

mod receiver;
mod webhook;
