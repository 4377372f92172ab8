//! Settings: environment, flag or file, typed once; the doc comments here are the manual.

mod args;
mod load;
mod seal_keys;
mod units;
mod urls;

pub use self::{
    args::{EventStoreArgs, HttpArgs, LogArgs, NatsArgs, NodeArgs, ReadModelArgs, SecretKeyArgs, TokenArgs},
    load::{ConfigError, EXIT_CODE, exit, load, load_from},
    seal_keys::{SealKeyArgs, SealPublicKey},
    units::{ByteSize, InvalidUnit, Span},
    urls::{DatabaseUrl, InvalidUrl, NatsUrl, PublicUrl},
};
