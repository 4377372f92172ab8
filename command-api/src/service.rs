//! The service: log, appender, relay and routes put together.

use std::time::Duration;

use ::service::{
    audit::{Audit, Watch, watch},
    auth::{ApiKeys, KeySource, SystemTokens, Truth, Verifier},
    config::{EventStoreArgs, HttpArgs, NatsArgs, SecretKeyArgs},
    health::Health,
    outbound::ReachArgs,
    process::{BuildError, Surroundings},
    shutdown::Shutdown,
};
use axum::{Router, middleware::from_fn_with_state};
use chrono::{DateTime, Utc};
use clap::Args;
use domain::user::UserEvent;
use event_store::{
    Appender, AppenderConfig, Log, MasterKey, Pressure, Role, Sealer,
    seals::{KeyRing, Pace, PublicKey, SealKey},
};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    audit::{KEPT, Scribe, make_key_of_nobody},
    auth::{
        AUDIENCE, Auth, SigningKeys, SigningKeysError, forget_half_logins, forget_login_codes, forget_old,
        forget_old_tries, holder,
    },
    commands::Commands,
    erased,
    http::App,
    oidc::{Oidc, OidcArgs, forget_used_states},
    relay::{Relay, RelayConfig, StreamArgs},
    sealing::{LogSealer, SealArgs},
};

/// Connections to the log at most, beside the appender's own: loading, receipts, credentials.
const CONNECTIONS: u32 = 12;
/// For relay and sealer: they listen, read and renew their leases, however busy the requests keep theirs.
const BACKGROUND_CONNECTIONS: u32 = 4;
/// How long a request waits for one of them.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often receipts and sessions that are too old are dropped.
const MAINTENANCE: Duration = Duration::from_secs(3600);
/// How often the signing keys are looked at: the next one may be due, or made by another replica.
const KEY_RENEWAL: Duration = Duration::from_secs(60);
/// A database that starts beside us may take this long.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// Settings of the write side.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The log.
    #[command(flatten)]
    pub event_store: EventStoreArgs,
    /// Where the log is copied to.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// How much of it.
    #[command(flatten)]
    pub stream: StreamArgs,
    /// Who vouches for it.
    #[command(flatten)]
    pub seals: SealArgs,
    /// Seals personal data and signing keys.
    #[command(flatten)]
    pub secret_key: SecretKeyArgs,
    /// Who else lets people in.
    #[command(flatten)]
    pub oidc: OidcArgs,
    /// Where webhooks may be.
    #[command(flatten)]
    pub reach: ReachArgs,
}

impl From<SigningKeysError> for BuildError {
    fn from(error: SigningKeysError) -> Self {
        Self::Own(error.into())
    }
}

/// The write side at work: commands can be executed in this process too.
#[derive(Clone, Debug)]
pub struct CommandApi {
    /// Executes commands.
    pub commands: Commands,
    /// Lets people in; makes the first admin.
    pub auth: Auth,
    app: App,
    surroundings: Surroundings,
}

impl CommandApi {
    /// Connects to the log and starts the appender, without relay and routes: enough for commands in this process.
    /// `pressure` tells background work when commands press.
    pub async fn start(
        config: &Config,
        http: &HttpArgs,
        surroundings: &Surroundings,
        pressure: &Pressure,
    ) -> Result<Self, BuildError> {
        let secret = config.secret_key.read()?;
        let pool = pool(config, CONNECTIONS)?;
        let connect = event_store::connect_options(config.event_store.url()?.expose(), Role::Command)?;
        let providers = config.oidc.oidc_providers.clone().unwrap_or_default();
        let oidc = Oidc::new(&providers, &http.public_url, &secret, pool.clone())?;
        let keys = signing_keys(&pool, &secret).await?;
        let public_url = http.public_url.as_str();
        let outside = config.reach.outside(&http.public_url)?;
        // Our own keys are at hand: verifying needs no request to ourselves.
        let own = KeySource::Fixed(keys.public()?);
        let revocations = surroundings.revocations.clone();
        let truth = Truth { event_store: connect.clone(), epoch_events: UserEvent::RAISE_EPOCH };
        revocations.follow(truth, surroundings).await;
        let verifier = Verifier::new(own, public_url, AUDIENCE, revocations.clone());
        let config = AppenderConfig { pressure: pressure.clone(), ..AppenderConfig::new(connect) };
        let appender = Appender::spawn(config, surroundings.shutdown.token().clone());
        let ended = appender.clone();
        surroundings.shutdown.spawn(async move { ended.stopped().await });
        let sealer = Sealer::new(pool.clone(), &MasterKey(secret.derive(MasterKey::LABEL)));
        revocations.on_change_of_rights(sealer.forgetter());
        let commands = Commands::new(
            Log::connect(pool.clone()),
            appender,
            sealer,
            revocations,
            surroundings.node.clone(),
        );
        let verifier = verifier.accepting(api_keys(pool, commands.clone()));
        let verifier = verifier.accepting_system(SystemTokens::new(&secret));
        let auth = Auth::new(commands.clone(), keys, &secret, public_url, surroundings.shutdown.clone());
        let app = App::new(commands.clone(), auth.clone(), oidc, verifier, http, &secret, outside);
        let api = Self { commands, auth, app, surroundings: surroundings.clone() };
        surroundings.shutdown.spawn(keep_keys(api.clone(), surroundings.shutdown.clone()));
        Ok(api)
    }

    /// Makes the next signing key if it is time, and signs and verifies with those of this time.
    pub async fn renew_keys(&self, now: DateTime<Utc>) -> Result<(), SigningKeysError> {
        let keys = self.auth.keys();
        keys.renew(now).await?;
        self.app.verifier.replace_keys(keys.public()?);
        Ok(())
    }

    /// From now on hears over this connection how operations end, so that clients can wait for it.
    pub fn hear_endings(&self, nats: async_nats::Client) {
        self.app.endings.hear_over(nats);
    }

    /// The routes, for [`Surroundings::finish`]; what is refused there goes into the audit log.
    pub fn router(&self) -> Router {
        let (router, document) = crate::http::router().split_for_parts();
        self.surroundings.grpc.offer(&crate::http::GRPC);
        let audit = Audit::spawn(Scribe(self.commands.clone()), &self.surroundings);
        self.surroundings.shutdown.spawn(make_key_of_nobody(self.commands.clone()));
        let watch = from_fn_with_state(Watch::new(audit, &document, KEPT), watch);
        let routes = router.with_state(self.app.clone()).merge(crate::http::pages(self.app.clone()));
        routes.route_layer(watch)
    }
}

fn pool(config: &Config, connections: u32) -> Result<PgPool, BuildError> {
    ::service::tls::install();
    let options = event_store::connect_options(config.event_store.url()?.expose(), Role::Command)?;
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.application_name("command-api")))
}

fn api_keys(pool: PgPool, commands: Commands) -> ApiKeys {
    ApiKeys::new(pool, move |user, key| {
        let holder = holder(commands.clone(), user, key);
        async { Ok(holder.await?) }
    })
}

async fn signing_keys(
    pool: &PgPool,
    secret: &::service::secrets::SecretKey,
) -> Result<SigningKeys, SigningKeysError> {
    let until = tokio::time::Instant::now() + START_PATIENCE;
    loop {
        match SigningKeys::load(pool, secret).await {
            Err(SigningKeysError::Database(error)) if tokio::time::Instant::now() < until => {
                tracing::warn!(%error, "the event store does not answer yet");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            loaded => return loaded,
        }
    }
}

/// Starts everything: appender, relay, upkeep; `main` or the all-in-one serves the routes.
pub async fn build(
    config: &Config,
    http: &HttpArgs,
    surroundings: &Surroundings,
    pressure: &Pressure,
) -> Result<CommandApi, BuildError> {
    let api = CommandApi::start(config, http, surroundings, pressure).await?;
    let pool = api.commands.log().pool().clone();
    let nats = ::service::nats::connect(config.nats.url()?, "command-api", &surroundings.metrics).await?;
    surroundings.revocations.exchange_hints(nats.clone(), surroundings);
    api.hear_endings(nats.clone());
    let relaying = RelayConfig { stream: config.stream.config(), ..RelayConfig::default() };
    let background = self::pool(config, BACKGROUND_CONNECTIONS)?;
    let shutdown = &surroundings.shutdown;
    if let Some(sealer) = sealer(config, background.clone())? {
        let sealer = sealer.publishing(nats.clone()).giving_way(pressure).metered(&surroundings.metrics);
        shutdown.spawn(sealer.run(shutdown.token().clone()));
    }
    let relay =
        Relay::new(background, async_nats::jetstream::new(nats), relaying).giving_way(pressure.clone());
    shutdown.spawn(relay.metered(&surroundings.metrics).run(shutdown.token().clone()));
    if let Some(file) = &config.seals.erased_file {
        shutdown.spawn(erased::keep(file.clone(), pool.clone(), surroundings.clone()));
    }
    shutdown.spawn(maintain(pool.clone(), shutdown.clone()));
    check(&surroundings.health, pool);
    Ok(api)
}

/// What seals the log, unless nothing is to be sealed.
fn sealer(config: &Config, pool: PgPool) -> Result<Option<LogSealer>, BuildError> {
    let SealArgs { seal_file, seal_after, keys, .. } = &config.seals;
    let key = SealKey::new(keys.seed(SealKey::LABEL, || config.secret_key.read())?);
    let others = keys.seal_public_keys.iter().filter_map(|known| PublicKey::from_bytes(&known.0));
    let ring = KeyRing::new(key.public(), others);
    let pace = Pace { after: seal_after.0, ..Pace::default() };
    let sealer = LogSealer::new(pool, key, ring, pace).keeping(seal_file.clone());
    Ok((!seal_after.0.is_zero()).then_some(sealer))
}

/// Renews the signing keys every minute, and at once when one was dropped.
async fn keep_keys(api: CommandApi, shutdown: Shutdown) {
    let mut dropped = api.commands.revocations().dropped_keys();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(KEY_RENEWAL) => {}
            changed = dropped.changed() => drop(changed),
        }
        if let Err(error) = api.renew_keys(Utc::now()).await {
            tracing::warn!(%error, "the signing keys cannot be renewed");
        }
    }
}

/// Makes the partitions of coming receipts and drops those of old ones, old sessions and all else that has its time, now and
/// every hour.
async fn maintain(pool: PgPool, shutdown: Shutdown) {
    let mut timer = tokio::time::interval(MAINTENANCE);
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            _ = timer.tick() => {}
        }
        if let Err(error) = sqlx::query("SELECT event_store.maintain_receipts()").execute(&pool).await {
            tracing::warn!(%error, "old receipts cannot be dropped");
        }
        if let Err(error) = sqlx::query("SELECT event_store.forget_consumer_groups()").execute(&pool).await {
            tracing::warn!(%error, "consumer groups that nobody uses cannot be dropped");
        }
        if let Err(error) = forget_old(&pool).await {
            tracing::warn!(%error, "old sessions cannot be dropped");
        }
        if let Err(error) = forget_old_tries(&pool).await {
            tracing::warn!(%error, "old login tries cannot be dropped");
        }
        if let Err(error) = forget_half_logins(&pool).await {
            tracing::warn!(%error, "logins that were not finished cannot be dropped");
        }
        if let Err(error) = forget_login_codes(&pool).await {
            tracing::warn!(%error, "login codes cannot be dropped");
        }
        if let Err(error) = forget_used_states(&pool).await {
            tracing::warn!(%error, "used states cannot be dropped");
        }
    }
}

/// Ready means that the log answers; NATS is not needed for commands.
fn check(health: &Health, pool: PgPool) {
    health.check("event store", move || {
        let pool = pool.clone();
        async move {
            let answered = sqlx::query("SELECT FROM event_store.log_head").execute(&pool).await;
            answered.map(drop).map_err(|_| "no event store".to_owned())
        }
    });
}
