//! The log: append, load, read, follow.
//!
//! The reading half is always there; the features `append` and `migrate` add the writing half (command-api only) and
//! the schema.

#[cfg(feature = "append")]
mod append;
mod connect;
pub mod envelope;
pub mod erased;
mod error;
pub mod follow;
pub mod lease;
mod load;
mod log;
#[cfg(feature = "migrate")]
mod migrate;
pub mod past;
mod pressure;
mod receipt;
mod seal;
pub mod seals;
pub mod stream;
#[cfg(feature = "append")]
mod task_keys;
mod transaction;
mod unit;

#[cfg(feature = "append")]
pub use append::{AppendError, Appender, AppenderConfig};
pub use connect::{Role, connect_options};
pub use error::LogError;
pub use load::{LoadError, Loaded, load};
pub use log::{Log, Origin};
#[cfg(feature = "migrate")]
pub use migrate::{migrate, renew_epoch};
pub use pressure::{GivingWay, Pressure};
pub use receipt::{Class, Receipt, StoredReceipt};
pub use seal::{MasterKey, SealError, Sealer, Unsealed};
#[cfg(feature = "append")]
pub use task_keys::TaskKeys;
pub use transaction::{Work, in_transaction};
pub use unit::{
    AggregateRef, Claim, ClaimAction, Guard, NewEvent, Outcome, SNAPSHOT_AFTER, Snapshot, StreamAppend, Unit,
};
