//! The HTTP API in another encoding: every unary method is the request that its `google.api.http` names, asked of the same
//! routes in this process. Authentication, rights, limits, keys, validation and the audit log are therefore those of HTTP.
//!
//! What streams is a route of its service, `/taskledger.v1.Events/Subscribe`; refusals of such routes become statuses on
//! their way out like those of all others.

mod answer;
mod call;
mod codes;
mod details;
mod frame;
mod gateway;
mod health;
mod mask;
mod methods;
mod reflection;
mod rule;
mod status;
mod timeout;
mod unreadable;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};

pub use self::{
    frame::{MAX_MESSAGE, MAX_REPLY},
    gateway::mount,
    methods::{Method, methods},
    status::status,
    timeout::timeout,
};
pub(crate) use unreadable::Unreadable;

/// The names of the services that a process offers; each part adds its own. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Services(Arc<Mutex<BTreeSet<&'static str>>>);

impl Services {
    /// Offers services by their full names, `taskledger.v1.Tasks`.
    pub fn offer(&self, names: &[&'static str]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }

    /// All that are offered.
    pub fn names(&self) -> BTreeSet<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether a request speaks gRPC with messages in protobuf.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).map(str::trim);
    essence.is_some_and(|text| {
        text.eq_ignore_ascii_case("application/grpc") || text.eq_ignore_ascii_case("application/grpc+proto")
    })
}
