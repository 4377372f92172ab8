use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use event_store::seals::{KeyRing, Ledger, PublicKey, Scope, SealKey, Verified, Verifier};
use event_store::{Role, connect_options};
use indicatif::{ProgressBar, ProgressStyle};
use service::config::{ConfigError, SealKeyArgs};
use service::shutdown::Shutdown;
use sqlx::postgres::PgPoolOptions;

use super::target::Target;
use crate::{error::Failure, say};

/// Connections to the log: blocks are read ahead.
const CONNECTIONS: u32 = 4;

/// Settings of `verify`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Verify {
    /// Seals that were kept outside the database, or a checkpoint: what was cut off together with its seals shows against them
    /// only. By default those that the `up` which runs keeps.
    #[arg(long, env = "SEAL_FILE", value_name = "FILE")]
    against: Option<PathBuf>,
    /// `events`, or `audit` for the audit log; by default both, or the events where a range is given.
    #[arg(long = "of", value_name = "LOG")]
    ledger: Option<Ledger>,
    /// From the block with this position.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// To the block with this position.
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    to: Option<i64>,
    /// Write the last seal of each log to this file, if everything is as it was sealed: enough to find a cut by later.
    #[arg(long, value_name = "FILE")]
    export_checkpoint: Option<PathBuf>,
    #[command(flatten)]
    keys: SealKeyArgs,
    #[command(flatten)]
    target: Target,
}

impl Verify {
    fn scopes(&self) -> Vec<Scope> {
        let ranged = self.from.is_some() || self.to.is_some();
        let ledgers = match (self.ledger, ranged) {
            (Some(one), _) => vec![one],
            (None, true) => vec![Ledger::Events],
            (None, false) => Ledger::ALL.to_vec(),
        };
        let (from, to) = (self.from.unwrap_or(1), self.to);
        ledgers.into_iter().map(|ledger| Scope { ledger, from, to, limit: None }).collect()
    }

    /// The keys that are believed. Whoever has public keys needs no secret.
    fn ring(&self, target: &Target) -> Result<KeyRing, ConfigError> {
        let given = self.keys.seal_public_keys.iter().filter_map(|key| PublicKey::from_bytes(&key.0));
        match self.keys.seed(SealKey::LABEL, || target.secret_key.read()) {
            Ok(seed) => Ok(KeyRing::new(SealKey::new(seed).public(), given)),
            Err(ConfigError::Missing(_)) if !self.keys.seal_public_keys.is_empty() => Ok(KeyRing::of(given)),
            Err(error) => Err(error),
        }
    }
}

/// Computes hashes, Merkle roots, chains and signatures anew and names the first position that is bad.
pub(crate) async fn verify(mut arguments: Verify) -> Result<(), Failure> {
    let target = arguments.target.clone().resolve()?;
    target.fill("SEAL_FILE", &mut arguments.against)?;
    target.fill("SEAL_KEY_FILE", &mut arguments.keys.seal_key_file)?;
    let ring = arguments.ring(&target)?;
    let options = connect_options(target.event_store.url()?.expose(), Role::Read)?;
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let mut lines = Vec::new();
    for scope in arguments.scopes() {
        let bar = bar(scope);
        let progress = |positions| bar.inc(u64::try_from(positions).unwrap_or(0));
        let against = arguments.against.as_deref();
        let verifier = Verifier { pool: &pool, ring: &ring, against, progress: &progress };
        let verified = tokio::select! {
            verified = verifier.verify(scope) => verified?,
            () = shutdown.begun() => return Err(Failure::Interrupted),
        };
        bar.finish_and_clear();
        tell(&verified, against)?;
        lines.extend(verified.last.map(|seal| seal.line().to_owned()));
    }
    for key in ring.keys() {
        say::text(&format!("key {}: {}", key.id(), key.x()));
    }
    match &arguments.export_checkpoint {
        Some(path) => Ok(export(path, &lines)?),
        None => Ok(()),
    }
}

/// One line of what was found, or the failure that names the first bad position.
fn tell(verified: &Verified, against: Option<&Path>) -> Result<(), Failure> {
    let log = verified.ledger.as_str();
    if let Some(found) = &verified.finding {
        return Err(Failure::NotAsSealed { log, found: found.clone() });
    }
    let Verified { from, to, seals, compared, unsealed, .. } = verified;
    let range = if to < from { "nothing".to_owned() } else { format!("positions {from} to {to}") };
    let outside = match against {
        Some(path) => format!(", {compared} of them in {}", path.display()),
        None => ", compared with none kept outside".to_owned(),
    };
    let time = verified.last.as_ref().map(|seal| format!("; the last seal is of {}", seal.seal.time));
    say::text(&format!(
        "{log}: {range} intact, {seals} seals{outside}; {unsealed} not yet sealed{}",
        time.unwrap_or_default()
    ));
    Ok(())
}

fn bar(scope: Scope) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} {per_sec}");
    let bar = ProgressBar::no_length().with_message(scope.ledger.as_str());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn export(path: &Path, lines: &[String]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
    file.sync_all()
}
