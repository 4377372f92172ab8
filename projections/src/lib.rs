//! The consumer side: projectors fold the log into read models that queries read.
//!
//! A *projection* is one [`Projector`](projector::Projector) and its tables. Its tables live in a schema per version
//! (`read_model_v7`), shown to readers as views in `read_model`; so a new version is filled beside the live one and
//! takes its place in one transaction.

mod connect;
mod fingerprint;
pub mod lag;
pub mod live;
pub mod operations;
pub mod parked;
pub mod projector;
pub mod projectors;
pub mod rebuild;
pub mod registry;
pub mod runner;
pub mod schema;
mod script;
mod service;

pub use connect::ReadModel;
pub use schema::{MigrateError, migrate};
pub use service::{Config, Projections, build};
