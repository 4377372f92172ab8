//! The connection to NATS: it never gives up, and what happens to it is counted. So do those who listen.

use std::{convert::Infallible, time::Duration};

use async_nats::{Client, ConnectOptions, Event, Message, ServerAddr};
use futures_util::StreamExt;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use crate::{config::NatsUrl, metrics::Metrics};

/// A dead connection is noticed after two of these.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);
/// A subscription that ended is made anew after this long.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Happening {
    event: &'static str,
}

/// A client that connects in the background and for ever again; `name` is shown by the server.
pub async fn connect(
    url: &NatsUrl,
    name: &str,
    metrics: &Metrics,
) -> Result<Client, async_nats::ConnectError> {
    crate::tls::install();
    let events = Family::<Happening, Counter>::default();
    metrics.register(|registry| {
        registry.register("nats_events", "What happened to the connection to NATS", events.clone());
    });
    options(url)
        .name(name)
        .retry_on_initial_connect()
        .ping_interval(PING_INTERVAL)
        .connection_timeout(CONNECTION_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .reconnect_delay_callback(delay)
        .event_callback(move |event| {
            let events = events.clone();
            async move { note(&events, &event) }
        })
        .connect(url.expose())
        .await
}

/// The client itself passes over what a URL says of user and password, or token.
fn options(url: &NatsUrl) -> ConnectOptions {
    match credentials(url) {
        Some((user, Some(password))) => ConnectOptions::with_user_and_password(user, password),
        Some((token, None)) => ConnectOptions::with_token(token),
        None => ConnectOptions::new(),
    }
}

/// Of the first server that has any; they are the same in a cluster.
fn credentials(url: &NatsUrl) -> Option<(String, Option<String>)> {
    url.expose().split(',').find_map(|one| {
        let server: ServerAddr = one.parse().ok()?;
        Some((server.username()?.to_owned(), server.password().map(str::to_owned)))
    })
}

/// Takes in every message on the subject, for ever. Some are missed: whoever listens has another way to find out.
pub async fn listen(client: &Client, subject: &'static str, mut take_in: impl FnMut(Message)) -> Infallible {
    loop {
        match client.subscribe(subject).await {
            Ok(mut messages) => {
                while let Some(message) = messages.next().await {
                    take_in(message);
                }
            }
            Err(error) => tracing::warn!(subject, %error, "messages cannot be heard; polling goes on"),
        }
        tokio::time::sleep(RESUBSCRIBE).await;
    }
}

/// Hosts and ports of its servers.
pub fn addresses(url: &NatsUrl) -> Vec<(String, u16)> {
    let servers = url.expose().split(',').filter_map(|one| one.parse::<ServerAddr>().ok());
    servers.map(|server| (server.host().to_owned(), server.port())).collect()
}

fn delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(8);
    (Duration::from_millis(20) * 2_u32.pow(doublings)).min(MAX_RECONNECT_DELAY)
}

fn note(events: &Family<Happening, Counter>, event: &Event) {
    let name = match event {
        Event::Connected => "connected",
        Event::Disconnected => "disconnected",
        Event::LameDuckMode => "lame_duck",
        Event::Draining => "draining",
        Event::Closed => "closed",
        Event::SlowConsumer(_) => "slow_consumer",
        Event::ServerError(_) => "server_error",
        Event::ClientError(_) => "client_error",
    };
    events.get_or_create(&Happening { event: name }).inc();
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Draining | Event::Closed => tracing::debug!(%event, "NATS"),
        _ => tracing::warn!(%event, "NATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_the_url_are_used() {
        let found = |url: &str| credentials(&url.parse().unwrap());
        assert_eq!(found("nats://localhost:4222"), None);
        assert_eq!(found("nats://me:secret@a:4222"), Some(("me".into(), Some("secret".into()))));
        assert_eq!(found("nats://a:4222,nats://token@b:4222"), Some(("token".into(), None)));
    }
}
