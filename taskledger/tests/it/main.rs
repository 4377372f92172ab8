//! The product as its users start it.

#![expect(clippy::unwrap_used, reason = "whatever fails in a fixture fails the test")]

mod announcements;
mod apart;
mod architecture;
mod audit;
mod chaos;
mod client;
mod core_system;
mod demo;
mod import;
mod integrity;
mod mailbox;
mod mails;
mod openapi;
mod operator;
mod outside;
mod process;
mod processes;
mod pushes;
mod revocations;
mod streams;
mod system;
mod three_services;
mod up;
mod walk;
