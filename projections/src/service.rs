//! The service: every projection at work, with health and metrics.

use std::sync::Arc;

use ::service::{
    config::{EventStoreArgs, HttpArgs, NatsArgs, ReadModelArgs, SecretKeyArgs},
    health::Health,
    mail_token::MailTokens,
    metrics::Metrics,
    process::{BuildError, Surroundings},
};
use clap::Args;
use event_store::{Log, MasterKey, Pressure, Role, Sealer, follow::Tail};
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;

use crate::{
    channels::email::{Email, EmailArgs, Ink},
    connect::ReadModel,
    deliveries::{self, Channel, Desk, Meters, Wake},
    delivery::Delivery,
    lag::Gauges,
    operations,
    outside::{OutsideArgs, ToCore},
    projector::Projector,
    reactors,
    registry::projectors,
    runner::{self, Pace, Progress, Sources},
    schedules::{self, Calendar, Job, SystemClock},
};

/// Connections to the log at most: each projection follows it, rebuilds read it, names are opened with its keys.
const LOG_CONNECTIONS: u32 = 8;

/// Settings of the projections.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The log.
    #[command(flatten)]
    pub event_store: EventStoreArgs,
    /// The tables.
    #[command(flatten)]
    pub read_model: ReadModelArgs,
    /// The copy of the log, and progress messages.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// To open names and to make the links in mails.
    #[command(flatten)]
    pub secret_key: SecretKeyArgs,
}

/// What commands of the operator and the workers need: sources and projectors.
pub struct Projections {
    /// Where from and where to.
    pub sources: Sources,
    /// All of them.
    pub projectors: Vec<Arc<dyn Projector>>,
    nats: async_nats::Client,
    sealer: Arc<Sealer>,
    mail_tokens: MailTokens,
}

impl Projections {
    /// Connects; databases that are down show later.
    pub async fn connect(config: &Config, metrics: &Metrics) -> Result<Self, BuildError> {
        ::service::tls::install();
        let options = event_store::connect_options(config.event_store.url()?.expose(), Role::Projections)?;
        let pool = PgPoolOptions::new()
            .max_connections(LOG_CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let secret = config.secret_key.read()?;
        let sealer = Arc::new(Sealer::new(pool.clone(), &MasterKey(secret.derive(MasterKey::LABEL))));
        let nats = ::service::nats::connect(config.nats.url()?, "projections", metrics).await?;
        let sources = Sources {
            read_model: ReadModel::new(config.read_model.url()?.expose())?,
            log: Log::connect(pool),
            jetstream: async_nats::jetstream::new(nats.clone()),
            tail: None,
        };
        let mail_tokens = MailTokens::new(&secret);
        Ok(Self { sources, projectors: projectors(&sealer), nats, sealer, mail_tokens })
    }

    /// The projector of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Projector>> {
        self.projectors.iter().find(|projector| projector.projection().name == name)
    }

    /// All channels.
    fn channels(
        &self,
        email: &EmailArgs,
        http: &HttpArgs,
        delivery: &Delivery,
    ) -> Result<Vec<Arc<dyn Channel>>, BuildError> {
        let (sealer, tokens) = (self.sealer.clone(), self.mail_tokens.clone());
        let ink = Ink { sealer, tokens, public_url: http.public_url.to_string() };
        Ok(vec![Arc::new(Email::new(email, ink, delivery)?)])
    }

    /// Starts reactors, channels and schedules.
    fn carry_out(
        &self,
        delivery: Delivery,
        outside: &OutsideArgs,
        http: &HttpArgs,
        surroundings: &Surroundings,
        pressure: &Pressure,
    ) -> Result<(), BuildError> {
        let mut channels = self.channels(&outside.email, http, &delivery)?;
        let (mut reactors, mut jobs) = (reactors::reactors(), Vec::new());
        if let Some(ToCore { reactor, channel, job }) = outside.to_core(&self.sources.log, &delivery)? {
            reactors.push(reactor);
            channels.push(channel);
            jobs.push(job);
        }
        Self::start_schedules(jobs, outside, &delivery, surroundings);
        let Surroundings { shutdown, metrics, .. } = surroundings;
        let (wake, listening) = Wake::listen(&delivery, shutdown.token().clone());
        shutdown.spawn(listening);
        let desk = Desk { delivery: delivery.clone(), wake, meters: Meters::register(metrics) };
        let names = channels.iter().map(|channel| channel.name()).collect();
        shutdown.spawn(desk.meters.clone().watch(delivery.clone(), names, shutdown.token().clone()));
        shutdown.spawn(deliveries::forget(delivery.clone(), shutdown.token().clone()));
        for channel in channels {
            shutdown.spawn(deliveries::run(channel, desk.clone(), shutdown.token().clone()));
        }
        let Sources { log, jetstream, tail, .. } = self.sources.clone();
        let pressure = pressure.clone();
        let sources = reactors::Sources { delivery, log, jetstream, tail, pressure, lease: reactors::LEASE };
        for reactor in reactors {
            shutdown.spawn(reactors::run(reactor, sources.clone(), shutdown.token().clone()));
        }
        Ok(())
    }

    fn start_schedules(
        jobs: Vec<Arc<dyn Job>>,
        outside: &OutsideArgs,
        delivery: &Delivery,
        surroundings: &Surroundings,
    ) {
        let (clock, zone) = (Arc::new(SystemClock), outside.schedules.time_zone);
        let calendar = Calendar { delivery: delivery.clone(), clock, zone, lease: schedules::LEASE };
        let shutdown = &surroundings.shutdown;
        for job in jobs {
            shutdown.spawn(schedules::run(job, calendar.clone(), shutdown.token().clone()));
        }
    }
}

/// Starts all projections, reactors, channels and schedules; they give way to `pressure` and end with the shutdown.
pub async fn build(
    config: &Config,
    outside: &OutsideArgs,
    http: &HttpArgs,
    surroundings: &Surroundings,
    pressure: &Pressure,
) -> Result<(), BuildError> {
    let mut projections = Projections::connect(config, &surroundings.metrics).await?;
    let Sources { log, jetstream, .. } = projections.sources.clone();
    projections.sources.tail = Some(Tail::start(log, jetstream, pressure.clone()));
    let shutdown = &surroundings.shutdown;
    for projector in &projections.projectors {
        let name = projector.projection().name;
        let (told, latest) = watch::channel(Progress::default());
        let publishing = runner::publish(projections.nats.clone(), name, latest, shutdown.token().clone());
        shutdown.spawn(publishing);
        let sources = projections.sources.clone();
        let stop = shutdown.token().clone();
        let pace = Pace { pressure: pressure.clone(), ..Pace::default() };
        shutdown.spawn(runner::run(projector.clone(), sources, pace, told, stop));
    }
    let delivery = Delivery::new(config.read_model.url()?.expose())?;
    projections.carry_out(delivery.clone(), outside, http, surroundings, pressure)?;
    let (projectors, sources) = (projections.projectors.clone(), projections.sources.clone());
    shutdown.spawn(operations::run(projectors, sources, delivery, Pace::default(), shutdown.token().clone()));
    let gauges = Gauges::register(&surroundings.metrics);
    shutdown.spawn(gauges.watch(projections.sources.clone(), shutdown.token().clone()));
    check(&surroundings.health, projections.sources.clone());
    Ok(())
}

/// Ready means that the read model is there and no projection is stopped.
fn check(health: &Health, sources: Sources) {
    health.check("projections", move || {
        let sources = sources.clone();
        async move {
            match crate::lag::stopped(&sources.read_model).await {
                Ok(stopped) if stopped.is_empty() => Ok(()),
                Ok(stopped) => Err(format!("stopped: {}", stopped.join(", "))),
                Err(error) => {
                    tracing::debug!(%error, "the read model does not answer");
                    Err("no read model".into())
                }
            }
        }
    });
}
