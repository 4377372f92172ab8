//! Devices that were away: everything once, then what has changed since.
//!
//! A snapshot is taken of no single moment: pages in the order of ids, and then the changes since the position at which the
//! first page began, as after any other absence. What a device was sent is never older than its place, so whatever changes
//! afterwards is found behind the place. A place moves only as far as all rows are that an answer is made from.

mod changes;
mod filling;
mod place;

pub(crate) use filling::{Filling, Wanted};
pub(crate) use place::{Place, Stage};
