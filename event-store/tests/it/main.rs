//! Tests of the log against a real Postgres.

#![expect(clippy::unwrap_used, reason = "whatever fails in a fixture fails the test")]

mod faults;
mod follow;
mod loading;
mod model;
mod proxy;
mod reading;
mod rights;
mod sealing;
mod seals;
mod store;
mod transactions;
mod units;
mod writers;
