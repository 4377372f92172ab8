//! What of the API streams over gRPC: the service `Events`. Its unary methods are those of HTTP.
//!
//! Its methods are routes as all others: who comes is known, counted and judged by the same extractors, and what goes out
//! stands behind the same bounded queue as server-sent events.

mod codec;
mod consume;
mod messages;
mod stream;
mod subscribe;

use axum::{Router, routing::post};

use crate::ReadApi;

pub(crate) use self::messages::shared;

/// The path of `Subscribe`.
pub(crate) const SUBSCRIBE: &str = "/taskledger.v1.Events/Subscribe";
/// The path of `Consume`.
pub(crate) const CONSUME: &str = "/taskledger.v1.Events/Consume";

/// The streaming methods.
pub(crate) fn routes() -> Router<ReadApi> {
    Router::new().route(SUBSCRIBE, post(subscribe::subscribe)).route(CONSUME, post(consume::consume))
}
