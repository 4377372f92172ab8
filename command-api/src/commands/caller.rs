//! Who sends commands and from where: what every event will say about its circumstances.

use std::sync::Arc;

use chrono::Utc;
use domain::{
    actor::Actor,
    event::{ActorType, Metadata},
    ids::{EventId, UserId},
    personal::Sealed,
    policy::ScopeSet,
    time::Timestamp,
    user::User,
};
use event_store::Guard;
use service::{
    node::Node,
    request::{Cause, ClientInfo, RequestContext},
};
use uuid::Uuid;

use super::{Commands, Refusal, user_ref};
use crate::aggregates::{Aggregates, Trust};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The system itself.
    System,
    /// A caller without a session.
    Anonymous,
    /// A person with a session.
    User(UserId),
    /// A program with an API key of this user.
    Key {
        /// Whose key.
        user: UserId,
        /// What it is for.
        scopes: ScopeSet,
    },
    /// History: `person` acted then, `importer` brings it in now.
    Import {
        /// Who acted in the original record.
        person: UserId,
        /// Whose right to import counts.
        importer: UserId,
    },
}

/// The circumstances of a command.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who acts.
    pub who: Who,
    /// The session that it belongs to, or the API key.
    pub session: Option<Uuid>,
    /// The caller's address, sealed with the key of the one who acts.
    pub ip: Option<Sealed>,
    /// The proxies on the way, sealed too; none where there are none.
    pub ip_chain: Option<Sealed>,
    /// The caller's `User-Agent`, sealed too.
    pub user_agent: Option<Sealed>,
    /// The request.
    pub request_id: Uuid,
    /// What groups everything that one intent sets off.
    pub correlation_id: Uuid,
    /// The event that the command reacts to.
    pub causation_id: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// What else is known of the request, if one carried the command.
    pub request: Option<RequestContext>,
    /// `http`, `grpc`, `import`, `system`.
    pub transport: &'static str,
    /// The clock, or the time of an imported record.
    pub now: Timestamp,
}

/// Where a caller came from, sealed with the key of the one who acts.
#[derive(Clone, Debug)]
pub struct SealedClient {
    /// The address.
    pub ip: Sealed,
    /// The proxies on the way.
    pub ip_chain: Option<Sealed>,
    /// The `User-Agent`.
    pub user_agent: Option<Sealed>,
}

impl Commands {
    /// Seals where a request of this user came from.
    pub async fn seal_client(&self, user: UserId, client: &ClientInfo) -> Result<SealedClient, Refusal> {
        let ip = self.seal(user, &client.ip.to_string()).await?;
        let ip_chain = self.seal_if_any(user, client.chain().as_deref()).await?;
        let user_agent = self.seal_if_any(user, client.user_agent.as_deref()).await?;
        Ok(SealedClient { ip, ip_chain, user_agent })
    }

    async fn seal_if_any(&self, user: UserId, text: Option<&str>) -> Result<Option<Sealed>, Refusal> {
        match text {
            Some(text) => self.seal(user, text).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Caller {
    /// A caller in this process, with a request id of its own, at this moment.
    pub fn internal(who: Who, transport: &'static str) -> Self {
        let request_id = Uuid::now_v7();
        Self {
            who,
            session: None,
            ip: None,
            ip_chain: None,
            user_agent: None,
            request_id,
            correlation_id: request_id,
            causation_id: None,
            traceparent: None,
            request: None,
            transport,
            now: Utc::now().into(),
        }
    }

    /// The same, asked for by the system because of this.
    pub fn of_the_system(self, cause: Option<Cause>) -> Self {
        let correlation_id = cause.map_or(self.correlation_id, |cause| cause.correlation);
        let causation_id = cause.map(|cause| EventId(cause.event));
        Self { who: Who::System, correlation_id, causation_id, transport: "system", ..self }
    }

    /// An event tells of the request, if one carried the command.
    pub(crate) fn leaves_event(&self) {
        if let Some(request) = &self.request {
            request.leaves_event();
        }
    }

    /// The same at another time.
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// The same, having come from there.
    pub fn of(self, client: SealedClient) -> Self {
        let SealedClient { ip, ip_chain, user_agent } = client;
        Self { ip: Some(ip), ip_chain, user_agent, ..self }
    }

    /// The circumstances as events store them, for events that bear this time and are made by this process.
    pub(crate) fn metadata(&self, occurred_at: Timestamp, node: &Node) -> Result<Arc<str>, Refusal> {
        let (actor_type, actor_id, on_behalf_of) = match self.who {
            Who::System => (ActorType::System, None, None),
            Who::Anonymous => (ActorType::Anonymous, None, None),
            Who::User(id) => (ActorType::User, Some(id), None),
            Who::Key { user, .. } => (ActorType::ServiceAccount, Some(user), None),
            Who::Import { person, importer } => (ActorType::User, Some(person), Some(importer)),
        };
        let metadata = Metadata {
            actor_type,
            actor_id,
            on_behalf_of,
            session_id: self.session,
            ip: self.ip.clone(),
            ip_chain: self.ip_chain.clone(),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent.clone(),
            transport: self.transport.to_owned(),
            occurred_at,
            node: Some(Arc::clone(&node.name)),
            app_version: Some(Arc::clone(&node.version)),
            route: self.request.as_ref().and_then(RequestContext::route),
            key_hash: self.request.as_ref().and_then(RequestContext::key_hash),
        };
        serde_json::to_string(&metadata).map(Arc::from).map_err(Refusal::Encode)
    }

    /// Whose rights count, with the roles held now, and the aggregate that says so.
    pub(crate) async fn actor(
        &self,
        aggregates: &Aggregates,
        trust: Trust,
    ) -> Result<(Actor, Option<Guard>), Refusal> {
        let id = match self.who {
            Who::System => return Ok((Actor::System, None)),
            Who::Anonymous => return Ok((Actor::Anonymous, None)),
            Who::User(id) | Who::Key { user: id, .. } | Who::Import { importer: id, .. } => id,
        };
        let user = aggregates.get::<User>(id.0, trust).await?;
        let roles = user.aggregate.effective_roles();
        let actor = match self.who {
            Who::Key { scopes, .. } => Actor::Key { id, roles, scopes },
            Who::Import { person, .. } => Actor::Import { person, roles },
            Who::System | Who::Anonymous | Who::User(_) => Actor::User { id, roles },
        };
        Ok((actor, Some(Guard { aggregate: user_ref(id), sequence: user.version })))
    }
}
