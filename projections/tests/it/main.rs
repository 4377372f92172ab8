//! Projections against a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod audit;
mod channels;
mod deliveries;
mod email;
mod exactly_once;
mod exports;
mod fold_law;
mod histories;
mod interface;
mod mail;
mod migration;
mod notices;
mod operations;
mod parking;
mod past;
mod progress;
mod rebuild;
mod schedules;
mod sending;
mod upgrade;
mod users;
mod webhooks;
mod world;
