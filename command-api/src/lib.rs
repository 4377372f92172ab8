//! The write side: commands in, events kept.

mod aggregates;
mod audit;
pub mod auth;
pub mod commands;
mod draft;
mod execute;
pub mod http;
mod locks;
pub mod oidc;
pub mod relay;
pub mod sealing;
mod service;

pub use http::{GRPC, openapi};
pub use service::{CommandApi, Config, build};
