//! Where calls may go.

use std::net::IpAddr;

use reqwest::Url;

use super::{address::is_public, allowed::Allowed, ports::Ports};

/// Longer addresses are refused (bytes).
const MAX_URL: usize = 2_048;

/// Ends of names that exist inside some network only.
const INSIDE: [&str; 13] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "lan",
    "home",
    "corp",
    "svc",
    "arpa",
    "invalid",
    "test",
];

/// Where a client may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Wherever the operator's configuration says; also inside.
    Configured,
    /// Outside only: the address is one that a user may have chosen.
    Outside(Outside),
}

/// What counts as outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Also `http`, for trying on one machine.
    pub plain_http: bool,
    /// Which ports may be called.
    pub ports: Vec<Ports>,
    /// Hosts inside that may be called all the same, at ports of their own.
    pub allow: Vec<Allowed>,
}

/// Why a call may not go there. What a name resolved to is not said: names inside are nobody's business outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No URL, or not one that everybody reads the same way.
    #[error("the address is not a URL with a host")]
    Malformed,
    /// Neither https nor, where that is allowed, http.
    #[error("the address must begin with https://")]
    Scheme,
    /// A user name or a password.
    #[error("the address must not hold a user name or a password")]
    Credentials,
    /// What stands behind `#` is never sent.
    #[error("the address must not hold a fragment")]
    Fragment,
    /// Not one of the ports that may be called.
    #[error("the port {0} may not be called")]
    Port(u16),
    /// A name that exists inside only.
    #[error("the host is a name of an inner network")]
    InnerName,
    /// An address inside, written in the URL or found for its name.
    #[error("the host is not in the internet")]
    InnerAddress,
}

impl Outside {
    /// Parses an address that somebody wants called.
    pub fn parse(&self, text: &str) -> Result<Url, Refusal> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > MAX_URL || text.contains(odd) {
            return Err(Refusal::Malformed);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Malformed)?;
        self.check(&url)?;
        Ok(url)
    }

    /// What can be said before the name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refusal> {
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http => {}
            _ => return Err(Refusal::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Refusal::Fragment);
        }
        let port = url.port_or_known_default().ok_or(Refusal::Malformed)?;
        if !self.has_port(port) && !self.allow.iter().any(|allowed| allowed.has_port(port)) {
            return Err(Refusal::Port(port));
        }
        self.check_host(url.host_str().ok_or(Refusal::Malformed)?, port)
    }

    fn has_port(&self, port: u16) -> bool {
        self.ports.iter().any(|ports| ports.contain(port))
    }

    /// Names inside are judged by their addresses alone where a host inside is allowed at that port.
    fn check_host(&self, host: &str, port: u16) -> Result<(), Refusal> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return self.check_address(address, port);
        }
        if host.ends_with('.') {
            return Err(Refusal::Malformed);
        }
        let inside = is_inner_name(host) && !self.allow.iter().any(|allowed| allowed.has_port(port));
        if inside { Err(Refusal::InnerName) } else { Ok(()) }
    }

    fn check_address(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        if self.allow.iter().any(|allowed| allowed.has_address(address, port)) {
            return Ok(());
        }
        match (is_public(address), self.has_port(port)) {
            (true, true) => Ok(()),
            (true, false) => Err(Refusal::Port(port)),
            (false, _) => Err(Refusal::InnerAddress),
        }
    }

    fn check_resolved(&self, name: &str, port: u16, addresses: &[IpAddr]) -> Result<(), Refusal> {
        if self.allow.iter().any(|allowed| allowed.has_name(name, port)) {
            return Ok(());
        }
        addresses.iter().try_for_each(|address| self.check_address(*address, port))
    }
}

impl Reach {
    pub(super) fn check(&self, url: &Url) -> Result<(), Refusal> {
        match self {
            Self::Configured => Ok(()),
            Self::Outside(outside) => outside.check(url),
        }
    }

    /// One address inside among those of a name, and none of them is dialled. Nor is one for a port that is not known.
    pub(super) fn check_resolved(
        &self,
        name: &str,
        port: Option<u16>,
        addresses: &[IpAddr],
    ) -> Result<(), Refusal> {
        match self {
            Self::Configured => Ok(()),
            Self::Outside(outside) => {
                outside.check_resolved(name, port.ok_or(Refusal::InnerAddress)?, addresses)
            }
        }
    }
}

fn is_inner_name(host: &str) -> bool {
    host.rsplit_once('.').is_none_or(|(_, last)| INSIDE.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside() -> Outside {
        Outside { plain_http: false, ports: vec![443.into(), 8443.into()], allow: Vec::new() }
    }

    #[test]
    fn addresses_outside_are_taken() {
        for good in [
            "https://hooks.example.com/a?b=c",
            "https://example.com:8443/",
            "HTTPS://Example.COM",
            "https://1.1.1.1/x",
            "https://[2606:4700::1111]/",
            "https://xn--bj0bj06e.example.com/",
            "https://한국.example.com/",
        ] {
            assert!(outside().parse(good).is_ok(), "{good}: {:?}", outside().parse(good));
        }
    }

    #[test]
    fn hosts_inside_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.254",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "2852039166",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[fd00::1]",
            "[fe80::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "１２７.0.0.1",
            "127。0。0。1",
            "①②⑦.⓪.⓪.①",
            "%31%32%37.0.0.1",
        ] {
            let url = format!("https://{host}/");
            assert_eq!(outside().parse(&url), Err(Refusal::InnerAddress), "{host}");
        }
        for host in [
            "localhost",
            "LOCALHOST",
            "ⓛocalhost",
            "loc%61lhost",
            "app.localhost",
            "metadata.google.internal",
            "metadata",
            "instance-data.ec2.internal",
            "postgres",
            "nats",
            "kubernetes.default.svc",
            "nats.default.svc.cluster.local",
            "printer.lan",
            "router.home.arpa",
        ] {
            let url = format!("https://{host}/");
            assert_eq!(outside().parse(&url), Err(Refusal::InnerName), "{host}");
        }
    }

    #[test]
    fn whatever_else_is_odd_is_refused() {
        use Refusal::{Credentials, Fragment, Malformed, Port, Scheme};
        for (url, why) in [
            ("https://[example.com]/", Malformed),
            ("https://[fe80::1%25eth0]/", Malformed),
            ("https://example.com./", Malformed),
            ("https://localhost./", Malformed),
            ("https://", Malformed),
            ("https:///", Malformed),
            ("", Malformed),
            ("example.com", Malformed),
            ("//example.com/", Malformed),
            ("https://exam\nple.com/", Malformed),
            (" https://example.com/", Malformed),
            ("https://example.com\\@127.0.0.1/", Malformed),
            ("https://1.2.3.4.5/", Malformed),
            ("https://256.1.1.1/", Malformed),
            ("https://user:pass@example.com/", Credentials),
            ("https://user@example.com/", Credentials),
            ("https://:pass@example.com/", Credentials),
            ("https://example.com#@other/", Fragment),
            ("https://example.com:22/", Port(22)),
            ("https://example.com:25/", Port(25)),
            ("https://example.com:5432/", Port(5432)),
            ("https://example.com:4222/", Port(4222)),
            ("https://example.com:6379/", Port(6379)),
            ("https://example.com:80/", Port(80)),
            ("http://example.com/", Scheme),
            ("ftp://example.com/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://example.com/", Scheme),
            ("unix:/run/docker.sock", Scheme),
            ("javascript:alert(1)", Scheme),
        ] {
            assert_eq!(outside().parse(url), Err(why), "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        assert_eq!(outside().parse(&long), Err(Malformed));
    }

    #[test]
    fn hosts_that_are_allowed_may_be_called_at_their_ports() {
        let allow =
            ["10.1.2.3:9000-9099", "127.0.0.1:9000", "[::1]:9000", "receiver:80", "hooks.example.com:9000"];
        let allow = allow.map(|one| one.parse().unwrap()).into();
        let outside = Outside { plain_http: true, allow, ..outside() };
        for good in [
            "http://127.0.0.1:9000/",
            "https://10.1.2.3:9042/",
            "http://[::1]:9000/",
            "http://receiver/",
            "http://localhost:9000/",
            "https://example.com/",
        ] {
            assert_eq!(outside.parse(good).err(), None, "{good}");
        }
        for (bad, why) in [
            ("http://127.0.0.1:8443/", Refusal::InnerAddress),
            ("http://127.0.0.2:9000/", Refusal::InnerAddress),
            ("https://10.1.2.3/", Refusal::InnerAddress),
            ("https://[::ffff:10.1.2.3]:9000/", Refusal::InnerAddress),
            ("https://1.1.1.1:9000/", Refusal::Port(9000)),
            ("https://receiver/", Refusal::InnerName),
            ("https://localhost/", Refusal::InnerName),
            ("http://receiver:81/", Refusal::Port(81)),
        ] {
            assert_eq!(outside.parse(bad), Err(why), "{bad}");
        }
    }

    fn resolved(reach: &Reach, name: &str, port: u16, all: &[&str]) -> Result<(), Refusal> {
        let all: Vec<_> = all.iter().map(|one| one.parse().unwrap()).collect();
        reach.check_resolved(name, Some(port), &all)
    }

    #[test]
    fn one_inner_address_among_those_of_a_name_is_enough() {
        let reach = Reach::Outside(outside());
        let check = |all| resolved(&reach, "example.com", 443, all);
        assert_eq!(check(&["1.1.1.1", "2606:4700::1111"]), Ok(()));
        assert_eq!(check(&["1.1.1.1", "10.0.0.1"]), Err(Refusal::InnerAddress));
        assert_eq!(check(&["::ffff:1.1.1.1"]), Err(Refusal::InnerAddress));
        assert_eq!(reach.check_resolved("example.com", None, &[]), Err(Refusal::InnerAddress));
    }

    #[test]
    fn a_name_reaches_what_is_allowed_at_its_port_only() {
        let allow = vec!["127.0.0.1:9000".parse().unwrap(), "receiver:9001".parse().unwrap()];
        let reach = Reach::Outside(Outside { allow, ..outside() });
        let check = |name, port, all| resolved(&reach, name, port, all);
        assert_eq!(check("example.com", 9000, &["127.0.0.1"]), Ok(()));
        assert_eq!(check("example.com", 443, &["127.0.0.1"]), Err(Refusal::InnerAddress));
        assert_eq!(check("example.com", 9000, &["1.1.1.1"]), Err(Refusal::Port(9000)));
        assert_eq!(check("Receiver", 9001, &["172.17.0.2"]), Ok(()));
        assert_eq!(check("receiver", 443, &["172.17.0.2"]), Err(Refusal::InnerAddress));
    }
}
