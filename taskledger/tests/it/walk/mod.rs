//! Every route of the product, as its own document has them, against everybody. A route that is new is walked as it is;
//! one that needs something to be sent says so by failing until `samples.rs` has it.

mod bodies;
mod grpc;
pub(crate) mod outside;
pub(crate) mod people;
mod policy;
mod routes;
mod samples;
