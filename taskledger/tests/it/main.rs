//! The product as its users start it.

#![expect(clippy::unwrap_used, reason = "whatever fails in a fixture fails the test")]

mod announcements;
mod apart;
mod architecture;
mod asyncapi;
mod audit;
mod chaos;
mod client;
mod cloud_events;
mod compatibility;
mod consumers;
mod core_system;
mod demo;
mod erasure;
mod exports;
mod grpc;
mod import;
mod integrity;
mod mailbox;
mod mails;
mod openapi;
mod operator;
mod outside;
mod past_lists;
mod process;
mod processes;
mod pushes;
mod replay;
mod revocations;
mod slow_readers;
mod streams;
mod sync;
mod system;
mod three_services;
mod up;
mod walk;
mod walkthroughs;
