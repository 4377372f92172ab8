//! Webhook endpoints: where integrators want events sent, which, and how.

mod aggregate;
mod commands;
mod events;
mod url;
pub mod values;

pub use aggregate::Webhook;
pub use commands::{WebhookCommand, WebhookEdit};
pub use events::{
    ReplayRequested, SecretRotated, TestRequested, WebhookCreated, WebhookDefinition, WebhookDisabled,
    WebhookEvent, WebhookPaused,
};
pub use url::{UrlRules, WebhookUrl};
