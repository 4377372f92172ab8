//! Tests of the write side against real servers.

#![expect(clippy::unwrap_used, reason = "whatever fails in a fixture fails the test")]

mod announcements;
mod api;
mod api_keys;
mod attacks;
mod audit;
mod auth;
mod batches;
mod deliveries;
mod erasure;
mod idempotency;
mod inputs;
mod lockout;
mod notification_rules;
mod notifications;
mod oidc;
mod operations;
mod paging;
mod passwords;
mod policy;
mod preconditions;
mod privacy;
mod races;
mod rates;
mod relay;
mod revocations;
mod rollback;
mod sealing;
mod second_factor;
mod sessions;
mod signing_keys;
mod sync;
mod system;
mod tasks;
mod transitions;
mod webhooks;
