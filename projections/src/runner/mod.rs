//! Running projections: each on its own, so that none waits for another.

mod batch;
mod lanes;
mod parking;
mod passed;
mod progress;
mod session;
mod supervisor;
mod usual;

pub use batch::BatchError;
pub(crate) use batch::{Handled, handle};
pub(crate) use lanes::Leases;
pub use lanes::lane_of;
pub use parking::{Limit, MAX_PARKED};
pub(crate) use parking::{in_savepoint, insert as park};
pub use progress::{Progress, publish, subject};
pub use supervisor::{Pace, Sources, run};
