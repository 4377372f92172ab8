//! The HTTP edge: an accept loop with limits, one layer over all routes, and what handlers extract.

mod accept;
mod body;
mod deadline;
mod finish;
pub mod headers;
mod limits;
mod negotiate;
mod rates;
mod serve;
mod stream;
mod wait;

pub use self::{
    body::{LOGIN_LIMIT, MergePatch, RequestBody, STANDARD_LIMIT},
    deadline::{Patience, Unhurried},
    finish::{Edge, InvalidOrigin, Origin, finish},
    limits::Limits,
    negotiate::{EVENT_STREAM, PrefersStream},
    rates::{InvalidRates, Meter, RateLimits, Rates, StreamSlot, charge_address},
    serve::serve,
    wait::Wait,
};
