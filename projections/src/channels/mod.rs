//! The ways to the outside, each a [`Channel`](crate::deliveries::Channel).

pub mod email;
