//! The consumer side: projectors fold the log into read models that queries read.
//!
//! A *projection* is one [`Projector`](projector::Projector) and its tables. Its tables live in a schema per version
//! (`read_model_v7`), shown to readers as views in `read_model`; so a new version is filled beside the live one and
//! takes its place in one transaction.
//!
//! What goes to the outside has a schema of its own, [`delivery`], which no rebuild touches: [`reactors`] decide what is to go,
//! [`deliveries`] carries it out over [`channels`]; what is done by the clock is a job of [`schedules`].

pub mod audit_copy;
pub mod channels;
pub mod commands;
mod connect;
pub mod deliveries;
pub mod delivery;
mod exports;
mod fingerprint;
pub mod lag;
pub mod live;
pub mod operations;
mod outward;
pub mod parked;
pub mod processes;
pub mod projector;
pub mod projectors;
pub mod reactors;
mod readers;
pub mod rebuild;
pub mod registry;
pub mod runner;
pub mod schedules;
pub mod schema;
mod script;
mod service;
mod webhooks;

pub use connect::ReadModel;
pub use outward::OutwardArgs;
pub use schema::MigrateError;
pub use service::{Config, Projections, build};

/// Brings read model and deliveries up to date, in the database at `url` (of a role that may create roles and schemas).
///
/// Safe to run by several processes at once.
pub async fn migrate(url: &str) -> Result<(), MigrateError> {
    schema::migrate(url).await?;
    delivery::migrate(url).await
}
