//! The service: pools, progress and routes put together.

use std::{ops::Deref, sync::Arc};

use ::service::{
    audit::{Audit, Watch},
    auth::{ApiKeys, Truth, Verifier},
    config::{
        DatabaseUrl, EventStoreArgs, HttpArgs, NatsArgs, ReadModelArgs, SealKeyArgs, SecretKeyArgs, TokenArgs,
    },
    page_token::PageTokens,
    postgres::{self, PoolOptions},
    process::{BuildError, Surroundings},
    shutdown::Shutdown,
};
use axum::{Router, extract::FromRef};
use clap::Args;
use domain::user::UserEvent;
use event_store::{
    Log, MasterKey, Role, Sealer,
    seals::{KeyRing, PublicKey, SealKey},
};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    audit::{KEPT, Scribe},
    consume::{GroupStore, Groups},
    events::Following,
    progress::{self, Progress},
    queries::TaskReader,
    standing::{Standings, holder},
};

/// Connections to the log at most: histories and heads.
const LOG_CONNECTIONS: u32 = 4;
/// For the audit log: one task writes it.
const AUDIT_CONNECTIONS: u32 = 1;
/// For consumer groups: each is written down once a second, or as it changes.
const GROUP_CONNECTIONS: u32 = 4;
/// Connections for single rows at most: reads are coalesced, so few do.
const POINT_CONNECTIONS: u32 = 8;
/// Connections for lists and counts at most.
const LIST_CONNECTIONS: u32 = 8;

/// Settings of the query side.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The log.
    #[command(flatten)]
    pub event_store: EventStoreArgs,
    /// The tables.
    #[command(flatten)]
    pub read_model: ReadModelArgs,
    /// Progress messages.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// For page tokens and to open names.
    #[command(flatten)]
    pub secret_key: SecretKeyArgs,
    /// For access tokens.
    #[command(flatten)]
    pub tokens: TokenArgs,
    /// Who vouches for the log.
    #[command(flatten)]
    pub seal_keys: SealKeyArgs,
}

/// What handlers work with; cheap to clone.
#[derive(Clone)]
pub struct ReadApi(Arc<Parts>);

/// The parts of [`ReadApi`].
pub struct Parts {
    /// For single rows: cached plans, always by key.
    pub(crate) points: PgPool,
    /// For lists and counts: every plan is made for its filter.
    pub(crate) lists: PgPool,
    pub(crate) log: Log,
    pub(crate) following: Following,
    pub(crate) group_store: GroupStore,
    pub(crate) groups: Groups,
    pub(crate) sealer: Sealer,
    pub(crate) tasks: TaskReader,
    pub(crate) standings: Standings,
    pub(crate) progress: Progress,
    pub(crate) page_tokens: PageTokens,
    pub(crate) seal_ring: KeyRing,
    audit: PgPool,
    pub(crate) verifier: Verifier,
    /// Ends all streams.
    pub(crate) shutdown: Shutdown,
}

impl Deref for ReadApi {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<ReadApi> for Verifier {
    fn from_ref(api: &ReadApi) -> Self {
        api.verifier.clone()
    }
}

impl ReadApi {
    /// Connects; databases that are down show at the first read.
    pub fn new(config: &Config, verifier: Verifier, shutdown: &Shutdown) -> Result<Self, BuildError> {
        let secret = config.secret_key.read()?;
        let log_options = event_store::connect_options(config.event_store.url()?.expose(), Role::Read)?;
        let log_pool = PgPoolOptions::new()
            .max_connections(LOG_CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(log_options);
        let audit = PgPoolOptions::new()
            .max_connections(AUDIT_CONNECTIONS)
            .connect_lazy_with(PgConnectOptions::clone(&log_pool.connect_options()));
        let group_pool = PgPoolOptions::new()
            .max_connections(GROUP_CONNECTIONS)
            .connect_lazy_with(PgConnectOptions::clone(&log_pool.connect_options()));
        let points = point_pool(config.read_model.url()?)?;
        Ok(Self(Arc::new(Parts {
            lists: list_pool(config.read_model.url()?)?,
            tasks: TaskReader::new(&points),
            standings: Standings::new(&points),
            points,
            sealer: Sealer::new(log_pool.clone(), &MasterKey(secret.derive(MasterKey::LABEL))),
            verifier: verifier.accepting(api_keys(log_pool.clone())),
            following: Following::new(Log::connect(log_pool.clone())),
            group_store: GroupStore(group_pool),
            groups: Groups::default(),
            log: Log::connect(log_pool),
            progress: Progress::default(),
            page_tokens: PageTokens::new(&secret),
            seal_ring: seal_ring(config)?,
            audit,
            shutdown: shutdown.clone(),
        })))
    }
}

/// The key that signs seals, and those of before; only their public halves are kept.
fn seal_ring(config: &Config) -> Result<KeyRing, BuildError> {
    let keys = &config.seal_keys;
    let own = SealKey::new(keys.seed(SealKey::LABEL, || config.secret_key.read())?);
    let others = keys.seal_public_keys.iter().filter_map(|known| PublicKey::from_bytes(&known.0));
    Ok(KeyRing::new(own.public(), others))
}

fn api_keys(pool: PgPool) -> ApiKeys {
    let log = Log::connect(pool.clone());
    ApiKeys::new(pool, move |user, key| {
        let holder = holder(log.clone(), user, key);
        async { Ok(holder.await?) }
    })
}

fn pool_options(name: &str, max_connections: u32) -> PoolOptions {
    PoolOptions {
        role: Some(Role::Read.as_str().to_owned()),
        max_connections,
        read_only: true,
        ..PoolOptions::new(name)
    }
}

/// A plan made while the tables were empty serves for ever, so it must be the plan by key.
fn point_pool(url: &DatabaseUrl) -> sqlx::Result<PgPool> {
    let options = PoolOptions { seqscan: false, ..pool_options("read-api", POINT_CONNECTIONS) };
    with_settings(url, options, &[("jit", "off")])
}

/// What suits one filter ruins another: planning anew costs less than one bad plan. Looking up a thousand rows by key is
/// quicker than reading on in an index until fifty fit, which is what the planner thinks of discs would make it do.
fn list_pool(url: &DatabaseUrl) -> sqlx::Result<PgPool> {
    let settings = [
        ("jit", "off"),
        ("plan_cache_mode", "force_custom_plan"),
        ("random_page_cost", "1.1"),
        ("max_parallel_workers_per_gather", "0"),
    ];
    with_settings(url, pool_options("read-api lists", LIST_CONNECTIONS), &settings)
}

fn with_settings(url: &DatabaseUrl, options: PoolOptions, settings: &[(&str, &str)]) -> sqlx::Result<PgPool> {
    let connect = postgres::connect_options(url, &options)?.options(settings.iter().copied());
    let pool = postgres::pool(url, options)?;
    pool.set_connect_options(connect);
    Ok(pool)
}

/// Starts the background work and makes the routes; `main` or the all-in-one serves them.
pub async fn build(
    config: &Config,
    http: &HttpArgs,
    surroundings: &Surroundings,
) -> Result<Router, BuildError> {
    let verifier = config.tokens.verifier(&http.public_url, &surroundings.revocations);
    let api = ReadApi::new(config, verifier, &surroundings.shutdown)?;
    let nats = ::service::nats::connect(config.nats.url()?, "read-api", &surroundings.metrics).await?;
    start(&api, Some(nats), surroundings).await;
    Ok(router(&api, surroundings))
}

/// The routes; what is refused there goes into the audit log.
pub fn router(api: &ReadApi, surroundings: &Surroundings) -> Router {
    surroundings.grpc.offer(&crate::http::GRPC);
    let scribe = Scribe { api: api.clone(), pool: api.audit.clone() };
    let audit = Audit::spawn(scribe, surroundings);
    crate::http::router(api.clone(), Watch::new(audit, &crate::http::openapi(), KEPT))
}

/// Follows revocations and the progress of projections until the shutdown, and watches over readiness.
pub async fn start(api: &ReadApi, nats: Option<async_nats::Client>, surroundings: &Surroundings) {
    let event_store = PgConnectOptions::clone(&api.log.pool().connect_options());
    let truth = Truth { event_store, epoch_events: UserEvent::RAISE_EPOCH };
    surroundings.revocations.follow(truth, surroundings).await;
    if let Some(nats) = &nats {
        surroundings.revocations.exchange_hints(nats.clone(), surroundings);
        api.following.through(nats.clone());
    }
    let ended = surroundings.shutdown.token().clone();
    surroundings.revocations.on_change_of_rights(api.sealer.forgetter());
    let feed = progress::run(api.progress.clone(), api.points.clone(), nats, ended);
    surroundings.shutdown.spawn(feed);
    let pool = api.points.clone();
    surroundings.health.check("read model", move || {
        let pool = pool.clone();
        async move {
            let answered = sqlx::query("SELECT FROM read_model.projections LIMIT 1").execute(&pool).await;
            answered.map(drop).map_err(|_| "no read model".to_owned())
        }
    });
}
