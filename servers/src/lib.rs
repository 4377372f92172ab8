//! Private Postgres and nats-server instances for the all-in-one and for tests.
//!
//! [`start()`] finds the programs on the machine or installs them, starts what is asked for below a data directory,
//! and leaves a keeper beside each server that ends it when the process it was started for is gone.

mod account;
mod data_dir;
mod error;
mod external;
mod find;
mod keeper;
mod nats;
mod port;
mod postgres;
mod process;
mod start;
#[cfg(feature = "testing")]
pub mod testing;

pub use data_dir::DataDir;
pub use error::Error;
pub use external::{check_nats, check_postgres};
pub use find::{Places, Which};
pub use start::{Options, Running, start};
