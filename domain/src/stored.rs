//! How an aggregate is kept in the log.

use cqrs_es::{Aggregate, persist::EventUpcaster};

use crate::{event::Timed, operation::Operation, record::Record, task::Task, upcasters, user::User};

/// What the log must know to load an aggregate.
pub trait Stored: Aggregate + Timed {
    /// Version of the state's shape: snapshots of another shape are ignored.
    const SHAPE: i32;

    /// Turn stored payloads into what the event enum reads: today's version, tagged with the event's type.
    fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
        upcasters::upcasters()
    }
}

impl Stored for Task {
    const SHAPE: i32 = Self::SHAPE;
}

impl Stored for Operation {
    const SHAPE: i32 = Self::SHAPE;
}

impl Stored for User {
    const SHAPE: i32 = Self::SHAPE;
}

impl<R: Record> Stored for R {
    const SHAPE: i32 = <R as Record>::SHAPE;
}
