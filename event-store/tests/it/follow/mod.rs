//! Followers see exactly 1..n in order, whatever happens to JetStream; and they stop when the log is another one.

mod checks;
mod faults;
mod sources;
mod tails;
mod world;
