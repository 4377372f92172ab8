//! The API over gRPC, as its clients meet it.

mod client;
mod coverage;
mod life;
mod wire;

pub(crate) use client::{Caller, Told, framed};
