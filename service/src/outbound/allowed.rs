//! Hosts inside that may be called all the same.

use std::{fmt, net::IpAddr, str::FromStr};

use super::ports::Ports;

/// One host and its ports: `127.0.0.1:9000`, `[::1]:9000-9099`, `receiver:80`. A name stands for whatever it resolves to, an
/// address also for all names that resolve to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    host: Host,
    ports: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// The text is no host with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host and a port such as 127.0.0.1:9000 or receiver:80")]
pub struct InvalidAllowed;

impl Allowed {
    pub(super) fn has_port(&self, port: u16) -> bool {
        self.ports.contain(port)
    }

    pub(super) fn has_address(&self, address: IpAddr, port: u16) -> bool {
        self.has_port(port) && self.host == Host::Address(address)
    }

    pub(super) fn has_name(&self, name: &str, port: u16) -> bool {
        self.has_port(port) && matches!(&self.host, Host::Name(own) if own.eq_ignore_ascii_case(name))
    }
}

impl FromStr for Allowed {
    type Err = InvalidAllowed;

    fn from_str(text: &str) -> Result<Self, InvalidAllowed> {
        let (host, ports) = text.trim().rsplit_once(':').ok_or(InvalidAllowed)?;
        let ports = ports.parse().map_err(|_| InvalidAllowed)?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = inner.unwrap_or(host).parse::<IpAddr>().ok();
        let address = address.filter(|address| address.is_ipv6() == inner.is_some());
        let named = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let host = match address {
            Some(address) => Host::Address(address),
            None if !host.is_empty() && host.bytes().all(named) => Host::Name(host.to_owned()),
            None => return Err(InvalidAllowed),
        };
        Ok(Self { host, ports })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.ports),
            Host::Address(address) => write!(f, "{address}:{}", self.ports),
            Host::Name(name) => write!(f, "{name}:{}", self.ports),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for good in ["127.0.0.1:9000", "[::1]:9000-9099", "receiver:80", "a.b-c.internal:1"] {
            assert_eq!(good.parse::<Allowed>().unwrap().to_string(), good);
        }
        for bad in ["", "127.0.0.1", "127.0.0.0/8:80", "::1:80", ":80", "a:", "a:0", "[a]:80", "http://a:80"]
        {
            assert_eq!(bad.parse::<Allowed>(), Err(InvalidAllowed), "{bad}");
        }
    }
}
