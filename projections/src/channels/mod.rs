//! How deliveries leave: what is sent, to whom it is proven to come from us, and what an answer means.

mod attempted;
pub mod email;
pub mod interface;
pub mod notice;
pub mod push;
mod sight;
mod telling;
mod tongue;
pub mod webhook;

pub use sight::Sight;
