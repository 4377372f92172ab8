//! Events for those outside who follow them: one engine, which catches up with the log and then goes on as it grows.
//!
//! A [`Subscription`] yields what its [`Selection`] takes, in the order of the log, and how far it has looked; streams and
//! pulls are only its clothes. All of a process take from one [`Tail`](event_store::follow::Tail), and what goes to many is
//! encoded once.

mod following;
mod remembered;
mod selection;
mod subscription;
mod telling;

pub(crate) use self::{
    following::Following,
    selection::{Interest, Selection},
    subscription::{Place, Subscription, unread},
    telling::{Words, tell},
};
