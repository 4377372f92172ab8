//! Streams of server-sent events: as long as their client may listen, reads fast enough and the process goes on.
//!
//! Each stream has a task that produces its frames and a body that hands them on; between them is a bounded queue. What
//! ends a stream before its time is its last event: `closed`, with the problem that a request would be refused with.

mod body;
mod frame;
mod listener;

pub(crate) use self::{body::Outlet, frame::Frame, listener::Listener};
