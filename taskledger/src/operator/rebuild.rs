use std::convert::Infallible;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use projections::rebuild::{self, Phase, RebuildError, RebuildProgress};
use projections::{Config, Projections};
use service::{metrics::Metrics, shutdown::Shutdown};
use tokio::sync::watch;

use super::target::Target;
use crate::{error::Failure, say};

/// Settings of `rebuild`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Rebuild {
    /// `tasks`, `task_search`, `users` or `audit`.
    projection: String,
    /// Switch to the new version although its rows differ from the live ones.
    #[arg(long)]
    accept_differences: bool,
    #[command(flatten)]
    target: Target,
}

/// Rebuilds a projection beside the live one; readers notice nothing until the switch.
pub(crate) async fn rebuild(arguments: Rebuild) -> Result<(), Failure> {
    let Target { event_store, read_model, nats, secret_key, .. } = arguments.target.resolve()?;
    let config = Config { event_store, read_model, nats, secret_key };
    let projections = Projections::connect(&config, &Metrics::default()).await?;
    let name = arguments.projection;
    let projector = projections.named(&name).ok_or(RebuildError::Unknown(name.clone()))?;
    let options =
        rebuild::Options { accept_differences: arguments.accept_differences, ..rebuild::Options::default() };
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let (told, latest) = watch::channel(RebuildProgress::default());
    let work = rebuild::rebuild(&**projector, &projections.sources, &options, &told);
    let rebuilt = tokio::select! {
        rebuilt = work => rebuilt?,
        never = show(latest) => match never {},
        () = shutdown.begun() => return Err(Failure::Interrupted),
    };
    if !rebuilt.differences.is_empty() {
        say::text(&rebuilt.differences.to_string());
    }
    say::text(&format!("{name} is now version {}, from {} events", rebuilt.version, rebuilt.events));
    Ok(())
}

/// Draws the progress until the rebuild is over.
async fn show(mut latest: watch::Receiver<RebuildProgress>) -> Infallible {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {pos}/{len} {prefix}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while latest.changed().await.is_ok() {
        let progress = *latest.borrow_and_update();
        draw(&bar, &progress);
        if progress.phase == Phase::Done {
            bar.finish_and_clear();
        }
        // A terminal needs no more than this.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::future::pending().await
}

fn draw(bar: &ProgressBar, progress: &RebuildProgress) {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    bar.set_message(progress.phase.as_str());
    bar.set_length(count(progress.total.max(progress.done)));
    bar.set_position(count(progress.done));
    let left = progress.remaining.map(|left| format!(", {} s left", left.as_secs())).unwrap_or_default();
    bar.set_prefix(format!("{:.0}/s{left}", progress.rate));
}
