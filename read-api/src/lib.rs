//! The query side: what the read model and the log know, over HTTP.
//!
//! A read goes from handler to one query and back. Queries read the views of the schema `read_model` and, for
//! histories, the log; nothing here writes but what was refused into the audit log, and how far consumer groups have come.

mod audit;
mod consume;
mod events;
mod grpc;
mod http;
mod live_inbox;
pub mod model;
pub mod progress;
pub mod queries;
mod service;
mod standing;
mod streams;
mod sync;
mod watched;

pub use http::{GRPC, merged, openapi};
pub use service::{Config, ReadApi, build, router, start};
