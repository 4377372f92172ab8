//! Streams: as long as their client may listen, reads fast enough and the process goes on.
//!
//! Each stream has a task that produces what goes over it and a reader that hands it on; between them is a queue, bounded by number and bytes.
//! Over HTTP they are server-sent events, and what ends one before its time is its last event: `closed`, with the problem that
//! a request would be refused with.

mod frame;
mod listener;
mod pipe;

#[cfg(test)]
pub(crate) use self::listener::testing;
pub(crate) use self::{
    frame::Frame,
    listener::Listener,
    pipe::{Intake, Item, Outlet, Taken},
};
