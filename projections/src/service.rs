//! The service: every projection at work, with health and metrics.

use std::sync::Arc;

use ::service::{
    config::{ConfigError, EventStoreArgs, HttpArgs, NatsArgs, ReadModelArgs, SecretKeyArgs},
    health::Health,
    mail_token::MailTokens,
    metrics::Metrics,
    outbound::{Client, Options, Reach},
    process::{BuildError, Surroundings},
    secrets::SecretKey,
    webhook_secrets::WebhookSecrets,
};
use chrono::Utc;
use clap::Args;
use domain::time::Timestamp;
use event_store::{Log, MasterKey, Pressure, Role, Sealer, follow::Tail};
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;

use crate::{
    audit_copy,
    channels::{
        Sight,
        email::{Email, Ink},
        interface,
        push::{self, Devices},
        webhook,
    },
    commands::Commands,
    connect::ReadModel,
    deliveries::{self, Channel, Desk, Meters, Wake},
    delivery::Delivery,
    lag::Gauges,
    operations,
    outward::OutwardArgs,
    processes::{StepChannel, StepSources},
    projector::Projector,
    reactors::{
        self, alerts, announcements,
        notices::{
            self,
            reminders::{self, Reminding},
        },
    },
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
    secret: SecretKey,
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
        let log = Log::connect(pool);
        let projectors = projectors(&sealer, &log);
        let sources = Sources {
            read_model: ReadModel::new(config.read_model.url()?.expose())?,
            log,
            jetstream: async_nats::jetstream::new(nats.clone()),
            tail: None,
        };
        Ok(Self { sources, projectors, nats, sealer, secret })
    }

    /// The projector of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Projector>> {
        self.projectors.iter().find(|projector| projector.projection().name == name)
    }

    /// All channels.
    fn channels(
        &self,
        outward: &OutwardArgs,
        http: &HttpArgs,
        delivery: &Delivery,
    ) -> Result<Vec<Arc<dyn Channel>>, BuildError> {
        let commands = Commands::new(&outward.commands, &http.public_url, &self.secret)?;
        let (sealer, tokens) = (self.sealer.clone(), MailTokens::new(&self.secret));
        let sight = Sight::new(delivery, &self.sources.log);
        let devices = self.devices(outward, commands.clone(), &sight)?;
        let ink = Ink { sealer, tokens, sight, public_url: http.public_url.to_string() };
        let email = Email::new(&outward.email, ink, delivery)?;
        let webhooks = self.webhooks(outward, http, commands.clone(), delivery)?;
        let (read_model, delivery) = (self.sources.read_model.clone(), delivery.clone());
        let steps = StepChannel(StepSources { commands, read_model, delivery });
        let mut channels: Vec<Arc<dyn Channel>> = vec![Arc::new(email), Arc::new(webhooks), Arc::new(steps)];
        channels.extend(devices.map(|devices| Arc::new(devices) as Arc<dyn Channel>));
        Ok(channels)
    }

    /// None without an account at Google.
    fn devices(
        &self,
        outward: &OutwardArgs,
        commands: Commands,
        sight: &Sight,
    ) -> Result<Option<Devices>, ConfigError> {
        let push = outward.push.open(outward.outbound.authorities()?)?;
        let (sealer, log) = (self.sealer.clone(), self.sources.log.clone());
        let parts = |push| push::Parts { push, sealer, sight: sight.clone(), log, commands };
        Ok(push.map(|push| Devices::new(parts(push))))
    }

    fn webhooks(
        &self,
        outward: &OutwardArgs,
        http: &HttpArgs,
        commands: Commands,
        delivery: &Delivery,
    ) -> Result<webhook::Webhooks, BuildError> {
        let reach = Reach::Outside(outward.outbound.reach.outside(&http.public_url)?);
        let authorities = outward.outbound.authorities()?;
        let client = Client::new(Options { reach, authorities, ..Options::default() });
        let parts = webhook::Parts {
            client: client.map_err(|error| ConfigError::Invalid(error.to_string()))?,
            log: self.sources.log.clone(),
            sealer: self.sealer.clone(),
            secrets: WebhookSecrets::new(&self.secret),
            commands,
        };
        Ok(webhook::Webhooks::new(parts, delivery))
    }

    /// Starts reactors, channels and schedules.
    fn carry_out(
        &self,
        delivery: Delivery,
        outward: &OutwardArgs,
        http: &HttpArgs,
        surroundings: &Surroundings,
        pressure: &Pressure,
    ) -> Result<(), BuildError> {
        let mut channels = self.channels(outward, http, &delivery)?;
        let core = outward.to_core(&self.sources.log, &delivery)?;
        channels.extend(core.as_ref().map(|core| core.channel.clone()));
        let jobs = core.iter().map(|core| core.job.clone()).collect();
        Self::start_schedules(jobs, outward, &delivery, surroundings);
        let Surroundings { shutdown, metrics, .. } = surroundings;
        if let Some(core) = &core {
            let (metrics, stop) = (metrics.clone(), shutdown.token().clone());
            shutdown.spawn(interface::watch(core.interface.clone(), delivery.clone(), metrics, stop));
        }
        let (wake, listening) = Wake::listen(&delivery, shutdown.token().clone());
        shutdown.spawn(listening);
        let desk = Desk { delivery: delivery.clone(), wake, meters: Meters::register(metrics) };
        let names: Vec<_> = channels.iter().map(|channel| channel.name()).collect();
        shutdown.spawn(desk.meters.clone().watch(delivery.clone(), names.clone(), shutdown.token().clone()));
        shutdown.spawn(deliveries::forget(delivery.clone(), shutdown.token().clone()));
        shutdown.spawn(notices::digest::run(delivery.clone(), clock, shutdown.token().clone()));
        let commands = Commands::new(&outward.commands, &http.public_url, &self.secret)?;
        let sender =
            announcements::Sender { delivery: delivery.clone(), log: self.sources.log.clone(), commands };
        shutdown.spawn(announcements::run(sender, Arc::new(SystemClock), shutdown.token().clone()));
        for channel in channels {
            shutdown.spawn(deliveries::run(channel, desk.clone(), shutdown.token().clone()));
        }
        let Sources { log, jetstream, tail, .. } = self.sources.clone();
        let pressure = pressure.clone();
        let behind = Arc::new(reactors::webhooks::Webhooks::new(&log));
        let stop = shutdown.token().clone();
        shutdown.spawn(reactors::webhooks::read(behind, delivery.clone(), pressure.clone(), stop));
        let zone = outward.schedules.time_zone;
        let reminding = Reminding {
            delivery: delivery.clone(),
            log: log.clone(),
            channels: reactors::ways(&names),
            escalate_after: outward.schedules.escalate_after(),
        };
        let watching = alerts::Watching {
            delivery: delivery.clone(),
            log: log.clone(),
            read_model: self.sources.read_model.clone(),
            ways: reactors::ways(&names),
        };
        shutdown.spawn(alerts::run(watching, Arc::new(SystemClock), shutdown.token().clone()));
        shutdown.spawn(reminders::run(reminding, Arc::new(SystemClock), shutdown.token().clone()));
        let means =
            reactors::Means { log: log.clone(), sealer: self.sealer.clone(), channels: &names, clock, zone };
        let mut reactors = reactors::reactors(means);
        reactors.extend(core.map(|core| core.reactor));
        let sources = reactors::Sources { delivery, log, jetstream, tail, pressure, lease: reactors::LEASE };
        for reactor in reactors {
            shutdown.spawn(reactors::run(reactor, sources.clone(), shutdown.token().clone()));
        }
        Ok(())
    }

    fn start_schedules(
        jobs: Vec<Arc<dyn Job>>,
        outward: &OutwardArgs,
        delivery: &Delivery,
        surroundings: &Surroundings,
    ) {
        let (clock, zone) = (Arc::new(SystemClock), outward.schedules.time_zone);
        let calendar = Calendar { delivery: delivery.clone(), clock, zone, lease: schedules::LEASE };
        let shutdown = &surroundings.shutdown;
        for job in jobs {
            shutdown.spawn(schedules::run(job, calendar.clone(), shutdown.token().clone()));
        }
    }
}

fn clock() -> Timestamp {
    Utc::now().into()
}

/// Starts all projections, reactors, channels and schedules; they give way to `pressure` and end with the shutdown.
pub async fn build(
    config: &Config,
    outward: &OutwardArgs,
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
    let Sources { log, read_model, .. } = projections.sources.clone();
    shutdown.spawn(audit_copy::run(log, projections.sealer.clone(), read_model, shutdown.token().clone()));
    let delivery = Delivery::new(config.read_model.url()?.expose())?;
    projections.carry_out(delivery.clone(), outward, http, surroundings, pressure)?;
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
