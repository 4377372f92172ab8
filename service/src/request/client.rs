//! Where a request came from.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, header, request::Parts},
};

/// Longer user agents are cut here (bytes, at a character boundary).
const MAX_USER_AGENT: usize = 256;
/// A longer chain of proxies than this is not followed.
const MAX_HOPS: usize = 16;

/// The client's address and what it calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address of the client, behind the trusted proxies; unspecified where no peer is known.
    pub ip: IpAddr,
    /// The trusted proxies between the client and us, the one that it spoke to first; none where it spoke to us.
    pub proxies: Vec<IpAddr>,
    /// At most 256 bytes, control characters removed.
    pub user_agent: Option<String>,
}

impl ClientInfo {
    pub(crate) fn read(parts: &Parts, proxies: &TrustedProxies) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ip| ip.to_canonical());
        let (ip, proxies) = behind_proxies(peer, &parts.headers, proxies);
        Self { ip, proxies, user_agent: user_agent(&parts.headers) }
    }

    /// The proxies as one text, none where there are none.
    pub fn chain(&self) -> Option<String> {
        let proxies: Vec<String> = self.proxies.iter().map(IpAddr::to_string).collect();
        (!proxies.is_empty()).then(|| proxies.join(", "))
    }
}

/// Goes from the nearest hop outwards as long as the hop is one of ours; the client, and the hops on the way from it.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> (IpAddr, Vec<IpAddr>) {
    let (mut client, mut chain) = (peer, Vec::new());
    if !proxies.contains(client) {
        return (client, chain);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        chain.push(client);
        client = ip.to_canonical();
        if !proxies.contains(client) {
            break;
        }
    }
    chain.reverse();
    (client, chain)
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let raw = String::from_utf8_lossy(headers.get(header::USER_AGENT)?.as_bytes());
    let mut text: String = raw.chars().filter(|c| !c.is_control()).collect();
    text.truncate(text.floor_char_boundary(MAX_USER_AGENT));
    Some(text)
}

/// What counts as one client: one IPv6 customer has a whole /64.
pub fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// The networks whose `X-Forwarded-For` is believed; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Whether the address is one of the proxies.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }
}

impl FromIterator<Network> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// The text is no address and no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network such as 10.0.0.0/8")]
pub struct InvalidNetwork;

impl Network {
    /// Whether the address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => {
                same_prefix(base.to_bits().into(), ip.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(ip)) => same_prefix(base.to_bits(), ip.to_bits(), 128, self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, bits: u32, prefix: u8) -> bool {
    let ignored = bits - u32::from(prefix);
    (a ^ b).checked_shr(ignored).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.trim().parse().map_err(|_| InvalidNetwork)?;
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), |text| text.trim().parse().map_err(|_| InvalidNetwork))?;
        if prefix > bits { Err(InvalidNetwork) } else { Ok(Self { base, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read(peer: &str, forwarded: &[&str], trusted: &[&str]) -> ClientInfo {
        let mut request = Request::builder().header("user-agent", "curl/8");
        for line in forwarded {
            request = request.header("x-forwarded-for", *line);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        parts.extensions.insert(ConnectInfo(peer));
        let proxies = trusted.iter().map(|text| text.parse::<Network>().unwrap()).collect();
        ClientInfo::read(&parts, &proxies)
    }

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        read(peer, forwarded, trusted).ip.to_string()
    }

    #[test]
    fn only_trusted_proxies_may_name_the_client() {
        assert_eq!(client("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
        assert_eq!(client("203.0.113.9", &["1.2.3.4"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(client("10.1.2.3", &["1.2.3.4"], &["10.0.0.0/8"]), "1.2.3.4");
        assert_eq!(client("::ffff:10.1.2.3", &["1.2.3.4"], &["10.0.0.0/8"]), "1.2.3.4");
    }

    #[test]
    fn the_chain_is_read_from_the_right_up_to_the_first_stranger() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(client("10.0.0.1", &["6.6.6.6, 1.2.3.4, fd00::7"], &trusted), "1.2.3.4");
        assert_eq!(client("10.0.0.1", &["6.6.6.6", "1.2.3.4"], &trusted), "1.2.3.4");
        assert_eq!(client("10.0.0.1", &["1.2.3.4, garbage"], &trusted), "10.0.0.1");
    }

    #[test]
    fn the_proxies_on_the_way_are_known_and_nobody_can_add_to_them() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        let chain = |peer: &str, forwarded: &[&str]| read(peer, forwarded, &trusted).chain();
        let both = Some("fd00::7, 10.0.0.1".to_owned());
        assert_eq!(chain("10.0.0.1", &["10.6.6.6, 1.2.3.4, fd00::7"]), both);
        assert_eq!(chain("10.0.0.1", &["1.2.3.4"]), Some("10.0.0.1".to_owned()));
        assert_eq!(chain("10.0.0.1", &[]), None);
        assert_eq!(chain("203.0.113.9", &["1.2.3.4, 10.0.0.1"]), None);
    }

    #[test]
    fn networks_are_parsed_strictly() {
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("255.1.1.1".parse().unwrap()));
    }

    #[test]
    fn user_agents_are_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", "é".repeat(400).parse().unwrap());
        assert_eq!(user_agent(&headers).unwrap().len(), 256);
    }
}
