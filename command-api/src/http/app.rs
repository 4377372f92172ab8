//! What handlers share.

use axum::extract::FromRef;
use chrono::Utc;
use domain::ids::{TaskId, TaskKey, UserId};
use quick_cache::sync::Cache;
use service::{
    auth::{Principal, Verifier},
    config::{HttpArgs, PublicUrl},
    http::Origin,
    outbound::Outside,
    page_token::PageTokens,
    problem::{Code, Problem},
    request::{ClientInfo, RequestContext},
    secrets::SecretKey,
    webhook_secrets::WebhookSecrets,
};
use std::{ops::Deref, sync::Arc};
use uuid::Uuid;

use super::{ending::Endings, problems::problem};
use crate::{
    auth::Auth,
    commands::{Caller, Commands, SealedClient, Who},
    oidc::Oidc,
};

/// Sessions whose address and user agent are remembered sealed.
const CACHED_SESSIONS: usize = 10_000;

/// The state behind the routes; cheap to clone, as every request does it several times.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// What the routes work with.
#[derive(Debug)]
pub struct Parts {
    /// Executes commands.
    pub commands: Commands,
    /// Lets people in.
    pub auth: Auth,
    /// Knows outside providers that let people in.
    pub oidc: Oidc,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// Whose pages may use the refresh cookie.
    pub origins: Arc<[Origin]>,
    /// What links begin with.
    pub public_url: PublicUrl,
    /// Where webhooks may be.
    pub outside: Outside,
    /// Makes what signs the calls of webhooks.
    pub webhook_secrets: WebhookSecrets,
    /// Hears how operations end.
    pub endings: Endings,
    /// Seals where a page of a list ends.
    pub page_tokens: PageTokens,
    seals: Cache<Uuid, Arc<Seals>>,
}

/// A session's origin as events store it: sealing is deterministic, so once is enough.
#[derive(Debug)]
struct Seals {
    client: ClientInfo,
    sealed: SealedClient,
}

impl App {
    /// Puts the parts together.
    pub fn new(
        commands: Commands,
        auth: Auth,
        oidc: Oidc,
        verifier: Verifier,
        http: &HttpArgs,
        secret: &SecretKey,
        outside: Outside,
    ) -> Self {
        let webhook_secrets = WebhookSecrets::new(secret);
        let seals = Cache::new(CACHED_SESSIONS);
        let (origins, public_url) = (http.origins().into(), http.public_url.clone());
        let (endings, page_tokens) = (Endings::default(), PageTokens::new(secret));
        Self(Arc::new(Parts {
            commands,
            auth,
            oidc,
            verifier,
            origins,
            public_url,
            outside,
            webhook_secrets,
            endings,
            page_tokens,
            seals,
        }))
    }

    /// The task that a path names by UUID or by key.
    pub(super) async fn task_id(&self, text: &str) -> Result<TaskId, Problem> {
        if let Ok(id) = Uuid::try_parse(text) {
            return Ok(TaskId(id));
        }
        let key: TaskKey = text.parse().map_err(|_| Problem::new(Code::InvalidId))?;
        let found = self.commands.find_key(key).await.map_err(problem)?;
        found.ok_or_else(|| Problem::new(Code::NotFound))
    }

    /// The circumstances of a request of this principal.
    pub(super) async fn caller(
        &self,
        principal: &Principal,
        context: &RequestContext,
    ) -> Result<Caller, Problem> {
        let caller = self.anonymous(context);
        if principal.is_system {
            return Ok(caller.of_the_system(context.cause()));
        }
        let user = UserId(principal.user_id);
        let seals = self.seals(principal.session_id, user, context.client()).await?;
        let caller = caller.of(seals.sealed.clone());
        let scopes = principal.scopes.as_ref();
        let scopes = scopes.map(|words| words.iter().filter_map(|word| word.parse().ok()).collect());
        let who = scopes.map_or(Who::User(user), |scopes| Who::Key { user, scopes });
        Ok(Caller { who, session: Some(principal.session_id), ..caller })
    }

    /// The circumstances of a request without a session.
    pub(super) fn anonymous(&self, context: &RequestContext) -> Caller {
        let request_id = context.request_id().0;
        Caller {
            who: Who::Anonymous,
            session: None,
            ip: None,
            ip_chain: None,
            user_agent: None,
            request_id,
            correlation_id: request_id,
            causation_id: None,
            traceparent: Some(context.traceparent().to_string()),
            request: Some(context.clone()),
            transport: context.transport().as_str(),
            now: Utc::now().into(),
        }
    }

    async fn seals(&self, session: Uuid, user: UserId, client: &ClientInfo) -> Result<Arc<Seals>, Problem> {
        if let Some(seals) = self.seals.get(&session).filter(|seals| seals.client == *client) {
            return Ok(seals);
        }
        let sealed = self.commands.seal_client(user, client).await.map_err(problem)?;
        let seals = Arc::new(Seals { client: client.clone(), sealed });
        self.seals.insert(session, Arc::clone(&seals));
        Ok(seals)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.verifier.clone()
    }
}

/// The id in a path: a UUID in any case.
pub(super) fn uuid(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::new(Code::InvalidId))
}
