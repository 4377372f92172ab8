//! How deliveries leave: what is sent, to whom it is proven to come from us, and what an answer means.

mod attempted;
pub mod interface;
pub mod push;
mod schedule;
pub mod webhook;

pub use attempted::{Attempted, Outcome};
pub use schedule::{Schedule, Spread};

/// Bytes of requests and answers that are kept for people to read.
const EXCERPT: usize = 4096;
