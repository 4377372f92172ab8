//! The one way to follow the log: from JetStream while it has the events, else from the log itself.
//!
//! A [`Follower`] starts after a [`Checkpoint`] and yields every later event once, in order of position. Its JetStream
//! consumer is its own, ephemeral, unfiltered and without acknowledgements: the checkpoint that its user keeps is the
//! only position there is. The consumer is thrown away on a gap, an error or silence, and whatever it did not bring is
//! read from the log. What the follower waits out inside (no NATS, no Postgres, a lost consumer, a new stream) its user
//! never sees; what it reports is final: see [`FollowError`]. Several followers in one process share a [`Tail`].

mod checkpoint;
mod error;
mod follower;
mod subscription;
mod tail;

pub use checkpoint::Checkpoint;
pub use error::FollowError;
pub use follower::Follower;
pub use tail::Tail;
