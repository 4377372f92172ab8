//! The relay keeps sequence = position, whatever happens to JetStream, to itself and to the log.

mod faults;
mod order;
pub(crate) mod world;
