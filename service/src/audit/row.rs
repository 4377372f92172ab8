//! A row of the audit log, as JSON for the function that adds it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{About, Outcome, Record, Target};
use crate::{node::Node, request::Transport};

/// How what nobody has sent comes, as events say it.
const SYSTEM: &str = "system";

/// A row of the table; members are its columns.
#[derive(Debug, Serialize)]
pub struct Row {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    action: String,
    outcome: &'static str,
    status: Option<u16>,
    code: Option<&'static str>,
    actor_type: &'static str,
    actor: Option<Uuid>,
    session: Option<Uuid>,
    methods: Option<Vec<String>>,
    ip: Option<String>,
    ip_chain: Option<String>,
    user_agent: Option<String>,
    request_id: Uuid,
    correlation_id: Uuid,
    trace_id: Option<String>,
    method: Option<String>,
    route: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    key_hash: Option<Arc<str>>,
    count: u32,
    query: Option<String>,
    node: Option<Arc<str>>,
    app_version: Arc<str>,
    transport: Option<&'static str>,
}

/// Whose affair a record is, and where it came from, sealed with their key.
#[derive(Clone, Debug, Default)]
pub struct SealedOrigin {
    /// Whom it is about, where nobody was known to be acting.
    pub about: Option<Uuid>,
    /// The address; none of those who are erased.
    pub ip: Option<String>,
    /// The proxies on the way.
    pub ip_chain: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// What it asked for.
    pub query: Option<String>,
}

/// Who does what no request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Somebody with a command of the operator's program.
    Operator,
    /// The system itself, when it is time.
    System,
}

impl Row {
    /// What a request has left behind that this process answered.
    pub(super) fn of(record: Record, origin: SealedOrigin, node: &Node) -> Self {
        let target = record.target.or_else(|| origin.about.map(|user| Target::new("user", user)));
        let (target_type, target_id) = target.map(|Target { kind, id }| (kind, id)).unzip();
        let session = match record.about {
            About::Session(session) => Some(session),
            About::Nobody | About::Address(_) => record.session,
        };
        let actor_type = match record.actor {
            Some(_) if record.is_program => "service_account",
            Some(_) => "user",
            None if record.by_system => "system",
            None => "anonymous",
        };
        Self {
            id: Uuid::now_v7(),
            occurred_at: record.occurred_at,
            action: record.action.to_string(),
            outcome: word(record.outcome),
            status: Some(record.status),
            code: record.code.map(|code| code.as_str()),
            actor_type,
            actor: record.actor,
            session,
            methods: record.methods,
            ip: origin.ip,
            ip_chain: origin.ip_chain,
            user_agent: origin.user_agent,
            request_id: record.request,
            correlation_id: record.request,
            trace_id: Some(record.trace),
            method: Some(record.method),
            route: Some(record.route.to_string()),
            target_type,
            target_id,
            key_hash: record.key_hash,
            count: record.count,
            query: origin.query,
            node: Some(Arc::clone(&node.name)),
            app_version: Arc::clone(&node.version),
            transport: if record.by_system { Some(SYSTEM) } else { record.transport.map(Transport::as_str) },
        }
    }

    /// Something that was done without a request, so that no node answered; what was done in one go bears the same
    /// `correlation`.
    pub fn done(by: By, action: &str, target: Target, correlation: Uuid) -> Self {
        let actor_type = match by {
            By::Operator => "operator",
            By::System => "system",
        };
        Self {
            id: Uuid::now_v7(),
            occurred_at: Utc::now(),
            action: action.to_owned(),
            outcome: word(Outcome::Success),
            status: None,
            code: None,
            actor_type,
            actor: None,
            session: None,
            methods: None,
            ip: None,
            ip_chain: None,
            user_agent: None,
            request_id: correlation,
            correlation_id: correlation,
            trace_id: None,
            method: None,
            route: None,
            target_type: Some(target.kind),
            target_id: Some(target.id),
            key_hash: None,
            count: 1,
            query: None,
            node: None,
            app_version: Node::version(),
            transport: Some(SYSTEM),
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Denied => "denied",
    }
}
