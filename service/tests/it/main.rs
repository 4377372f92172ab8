//! The edge as clients meet it: over sockets, against a real Postgres and NATS.
#![expect(clippy::unwrap_used, reason = "what tests share fails like a test")]

mod deadline;
mod edge;
mod floods;
mod limits;
mod outbound;
mod outside;
mod rates;
mod revocations;
mod server;
mod settings;
mod silence;
mod stores;
mod tokens;
