//! Taking connections: counted, per address and in all; errors of `accept` never end the loop.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};

use super::Limits;
use crate::request::network_of;

/// After an error such as "too many open files" the loop waits this long.
const BACK_OFF: Duration = Duration::from_millis(100);
/// What a client above the caps gets before it is closed, if it still listens.
const REFUSAL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The next connection, with Nagle's algorithm off; it ends when what was sent is not acknowledged within this time.
pub(super) async fn next(listener: &TcpListener, unacknowledged: Duration) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if stream.set_nodelay(true).is_ok() && give_up_after(&stream, unacknowledged).is_ok() {
                    return (stream, peer);
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// A machine that has vanished closes nothing, and the system would go on sending to it for a quarter of an hour.
#[cfg(target_os = "linux")]
fn give_up_after(stream: &TcpStream, unacknowledged: Duration) -> io::Result<()> {
    let milliseconds = u32::try_from(unacknowledged.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?)
}

/// Other systems have no such option, and their own patience.
#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Tells the client to come back, without waiting for it.
pub(super) fn refuse(stream: TcpStream) {
    // The client may be gone already; nothing is owed to it.
    let _ = stream.into_std().and_then(|mut stream| stream.write(REFUSAL));
}

/// How many connections there are, by address.
#[derive(Debug)]
pub(super) struct Census {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One counted connection; dropped with it.
#[derive(Debug)]
pub(super) struct Admission {
    census: Arc<Census>,
    address: Option<IpAddr>,
}

impl Census {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Admits a connection unless a cap is reached; trusted proxies count in the total only.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        let peer = peer.to_canonical();
        let address = (!self.limits.trusted_proxies.contains(peer)).then(|| network_of(peer));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.limits.max_connections {
            return None;
        }
        if let Some(address) = address {
            let count = counts.by_address.entry(address).or_default();
            if *count >= self.limits.max_connections_per_address {
                return None;
            }
            *count += 1;
        }
        counts.total += 1;
        Some(Admission { census: Arc::clone(self), address })
    }

    fn leave(&self, address: Option<IpAddr>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        let Some(address) = address else { return };
        if let Some(count) = counts.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.census.leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Network;

    fn census(total: usize, per_address: usize) -> Arc<Census> {
        let trusted_proxies = ["10.0.0.1".parse::<Network>().unwrap()].into_iter().collect();
        Census::new(Limits {
            max_connections: total,
            max_connections_per_address: per_address,
            trusted_proxies,
            ..Limits::default()
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn nobody_is_sent_to_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = next(&listener, Duration::from_secs(30)).await;
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&stream).unwrap(), 30_000);
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let census = census(10, 2);
        let first = census.admit(ip("1.1.1.1"));
        let _second = census.admit(ip("::ffff:1.1.1.1"));
        assert!(first.is_some() && census.admit(ip("1.1.1.1")).is_none());
        assert!(census.admit(ip("1.1.1.2")).is_some());
        drop(first);
        assert!(census.admit(ip("1.1.1.1")).is_some());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let census = census(10, 1);
        let _first = census.admit(ip("2001:db8::1"));
        assert!(census.admit(ip("2001:db8::2")).is_none());
        assert!(census.admit(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn proxies_fill_the_total_only() {
        let census = census(3, 1);
        let proxied: Vec<_> = (0..3).map(|_| census.admit(ip("10.0.0.1"))).collect();
        assert!(proxied.iter().all(Option::is_some));
        assert!(census.admit(ip("10.0.0.1")).is_none());
        drop(proxied);
        assert!(census.counts.lock().unwrap().by_address.is_empty());
    }
}
