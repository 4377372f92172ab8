//! Consumer groups: programs that follow the log and say what they have done, whose place the server keeps.
//!
//! One process at a time holds a group, by a lease and an epoch that fences; in it a [task](group) reads the events that the
//! group gets from a [`Subscription`](crate::events::Subscription) and hands them out to whoever consumes it, each to one.
//! What is unfinished is a pure [`Window`](window::Window); what changes in it is written down in batches. An event comes
//! again until somebody says that it is done.

mod consumer;
mod group;
mod groups;
mod listed;
mod member;
mod skips;
mod store;
mod window;

pub(crate) use self::{
    consumer::{Answers, Down, Inlet, Settled, Wishes},
    groups::Groups,
    store::{GroupStore, MAX_GROUPS, Made},
};
