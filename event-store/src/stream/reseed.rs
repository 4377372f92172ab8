use async_nats::jetstream::Context;
use chrono::Utc;

use super::{EventStream, StreamConfig, StreamError};
use crate::{Log, LogError, envelope};

/// Bytes that JetStream keeps beside an envelope: subject, headers, record.
const OVERHEAD: i64 = 230;

/// How often it is tried, should a relay create the stream in between.
const ATTEMPTS: usize = 10;

/// So many of the newest events tell how large an event is.
const SAMPLE: i64 = 200;

/// Deletes the stream and creates it anew so that it begins with position `from` (none: as much of the log as it may
/// keep). The relay, wherever it runs, fills it; followers read the log meanwhile. Returns where it begins.
pub async fn reseed(
    log: &Log,
    jetstream: Context,
    config: &StreamConfig,
    from: Option<i64>,
) -> Result<i64, StreamError> {
    let first = match from {
        Some(position) => position.clamp(1, log.head().await? + 1),
        None => default_start(log, config).await?,
    };
    let (stream, epoch) = (EventStream::new(jetstream), log.epoch().await?);
    let mut attempts = 1..ATTEMPTS;
    loop {
        match stream.recreate(config, epoch, first).await {
            Err(StreamError::Busy) if attempts.next().is_some() => {}
            result => return result.map(|()| first),
        }
    }
}

/// The first position that a new stream should hold: as far back as its age and size allow.
pub async fn default_start(log: &Log, config: &StreamConfig) -> Result<i64, LogError> {
    let head = log.head().await?;
    let by_age = match chrono::Duration::from_std(config.max_age) {
        Ok(age) if !age.is_zero() => log.position_at((Utc::now() - age).into()).await?,
        _ => 0,
    };
    let by_size = if config.max_bytes > 0 { head - capacity(log, head, config.max_bytes).await? } else { 0 };
    Ok(by_age.max(by_size).clamp(0, head) + 1)
}

/// How many events fit, judged by the newest ones.
async fn capacity(log: &Log, head: i64, max_bytes: i64) -> Result<i64, LogError> {
    let sample = log.read_after((head - SAMPLE).max(0), SAMPLE, i64::MAX).await?;
    let encoded: Vec<i64> = sample
        .iter()
        .filter_map(|event| envelope::encode(event).ok())
        .map(|bytes| OVERHEAD + i64::try_from(bytes.len()).unwrap_or(0))
        .collect();
    let count = i64::try_from(encoded.len()).unwrap_or(0).max(1);
    let mean = (encoded.iter().sum::<i64>() / count).max(OVERHEAD);
    Ok(max_bytes / mean)
}
