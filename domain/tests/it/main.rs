//! Given events, when a command comes, then these events or this refusal: no database, no clock.

#![expect(clippy::unwrap_used, reason = "tests say what they expect; a panic is their refusal")]

mod announcements;
mod api_keys;
mod checklist;
mod comments;
mod contract;
mod create;
mod edit;
mod erasure;
mod filters;
mod given;
mod identities;
mod inboxes;
mod life;
mod merge;
mod needs;
mod notices;
mod notification_rules;
mod notifications;
mod operations;
mod passwords;
mod people;
mod policy;
mod random;
mod relations;
mod rollback;
mod schemas;
mod second_factor;
mod status;
mod upcasting;
mod users;
mod values;
mod webhooks;
