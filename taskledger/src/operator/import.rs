use std::path::PathBuf;

use clap::Args;
use command_api::{CommandApi, commands::Commands, oidc::OidcArgs, relay::StreamArgs, sealing::SealArgs};
use domain::{ids::UserId, user::values::Email};
use event_store::Pressure;
use indicatif::{ProgressBar, ProgressStyle};
use service::config::{ConfigError, HttpArgs, LogArgs};
use service::outbound::ReachArgs;
use service::process::Surroundings;
use service::shutdown::Shutdown;

use super::target::Target;
use crate::import::{Importer, Mapping, Report, Source};
use crate::{error::Failure, say};

/// Rejected rows that are printed; the report file has them all.
const SHOWN: usize = 20;

/// Settings of `import`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Import {
    /// The history: CSV, plain or gzipped, one row a change.
    file: PathBuf,
    /// How rows become commands: a TOML file.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// E-mail address of the admin who imports; needed only where there are several.
    #[arg(long = "as", value_name = "EMAIL")]
    importer: Option<String>,
    /// Write rejected rows to this file as CSV.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Carries the history out as commands, beside the running installation.
pub(crate) async fn import(arguments: Import) -> Result<(), Failure> {
    service::telemetry::init(Some(arguments.log.filter.as_deref().unwrap_or("warn")))?;
    let mapping = Mapping::read(&arguments.mapping)?;
    let source = Source::read(&arguments.file, &mapping)?;
    let Target { event_store, nats, secret_key, .. } = arguments.target.clone().resolve()?;
    let (stream, seals, oidc) = (StreamArgs::default(), SealArgs::default(), OidcArgs::default());
    let reach = ReachArgs::default();
    let config = command_api::Config { event_store, nats, stream, seals, secret_key, oidc, reach };
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let surroundings = Surroundings { shutdown: shutdown.clone(), ..Surroundings::default() };
    let api = CommandApi::start(&config, &arguments.http, &surroundings, &Pressure::default()).await?;
    let report = tokio::select! {
        report = carry_out(&api.commands, &arguments, &mapping, &source) => report,
        () = shutdown.begun() => Err(Failure::Interrupted),
    };
    shutdown.begin();
    shutdown.wait().await;
    tell(&report?, &arguments)
}

async fn carry_out(
    commands: &Commands,
    arguments: &Import,
    mapping: &Mapping,
    source: &Source,
) -> Result<Report, Failure> {
    let importer = importer(commands, arguments.importer.as_deref()).await?;
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {per_sec}, {eta} left");
    let bar = ProgressBar::new(source.rows.len() as u64);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let report = Importer::new(commands, importer, mapping).run(source, &|rows| bar.inc(rows)).await;
    bar.finish_and_clear();
    Ok(report?)
}

async fn importer(commands: &Commands, email: Option<&str>) -> Result<UserId, Failure> {
    let Some(email) = email else {
        let mut admins = commands.admins().await.map_err(Failure::Log)?.into_iter();
        return match (admins.next(), admins.next()) {
            (Some(admin), None) => Ok(admin),
            (None, _) => {
                Err(ConfigError::Invalid("there is no admin yet: start taskledger first".into()).into())
            }
            (Some(_), Some(_)) => {
                Err(ConfigError::Invalid("there are several admins: say who imports with --as EMAIL".into())
                    .into())
            }
        };
    };
    let unknown = || ConfigError::Invalid(format!("--as: nobody has signed up with {email:?}"));
    let address = Email::parse(email).map_err(|_| unknown())?;
    Ok(commands.find_email(&address).await.map_err(Failure::Log)?.ok_or_else(unknown)?)
}

fn tell(report: &Report, arguments: &Import) -> Result<(), Failure> {
    for rejected in report.rejected.iter().take(SHOWN) {
        let (line, case, activity) = (rejected.line, &rejected.case, &rejected.activity);
        say::text(&format!("line {line}, {case}, {activity}: {}", rejected.reason));
    }
    if report.rejected.len() > SHOWN {
        say::text(&format!("… and {} more", report.rejected.len() - SHOWN));
    }
    let Report { rows, imported, known, tasks, users, rejected } = report;
    say::text(&format!(
        "{rows} rows: {imported} imported, {known} known from an earlier run, {} rejected; {tasks} new tasks, {users} new users.",
        rejected.len()
    ));
    match &arguments.report {
        Some(path) => Ok(report.write(path)?),
        None => Ok(()),
    }
}
