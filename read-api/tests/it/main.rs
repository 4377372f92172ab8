//! The query side through its router, with a real Postgres and, where progress matters, a real NATS.

#![expect(clippy::unwrap_used, reason = "whatever fails in a fixture fails the test")]

mod admin;
mod announcements;
mod api_keys;
mod attacks;
mod audit;
mod audit_records;
mod bad_input;
mod consuming;
mod consuming_all;
mod cut_off;
mod documents;
mod events;
mod exports;
mod filter_expressions;
mod filters;
mod frames;
mod freshness;
mod grpc;
mod history;
mod integrity;
mod log;
#[expect(clippy::print_stdout, reason = "it measures")]
mod million;
mod naive;
mod notice_streams;
mod notices;
mod operations;
mod paging;
mod policy;
mod revisions;
mod search;
mod seed;
mod streams;
mod subscribing;
mod sync;
mod tasks;
mod trace;
mod user_revisions;
mod users;
mod world;
