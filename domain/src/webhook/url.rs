//! Addresses that may be called, as far as one can tell without asking anybody: what a name stands for is checked again at
//! every call.

use std::ops::RangeInclusive;

use crate::{
    text::text,
    violation::{Unit, Violation},
};

/// The longest address in bytes.
const MAX: usize = 2_000;

/// What an installation calls.
#[derive(Clone, Copy, Debug)]
pub struct UrlRules<'a> {
    /// Only its own machine reaches it: plain http, addresses in place of names, and any port will do.
    pub local: bool,
    /// Ports that may be called otherwise.
    pub ports: &'a [RangeInclusive<u16>],
}

text!(
    /// Where a webhook is: `https`, a public name, no credentials, no fragment, visible ASCII only.
    WebhookUrl
);

impl WebhookUrl {
    /// Checks all that needs no look-up. Read strictly: what different readers could take for different hosts is refused.
    pub fn parse(text: &str, rules: UrlRules<'_>) -> Result<Self, Violation> {
        if text.len() > MAX {
            return Err(Violation::TooLong { max: MAX, unit: Unit::Bytes });
        }
        let odd = |b: u8| !b.is_ascii_graphic() || b"\"<>\\^`{|}#".contains(&b);
        if text.bytes().any(odd) {
            return Err(malformed("visible ASCII characters without \" < > \\ ^ ` { | } #"));
        }
        let (rest, default_port) = scheme(text, rules.local)?;
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        if authority.contains(['@', '%']) {
            return Err(malformed("an address without credentials"));
        }
        let (host, port) = split(authority).ok_or(malformed("a host with a port at most"))?;
        if rules.local {
            return if host.is_empty() { Err(malformed(HOST)) } else { Ok(Self(text.into())) };
        }
        check_host(host)?;
        let port = port.unwrap_or(default_port);
        if !rules.ports.iter().any(|ports| ports.contains(&port)) {
            return Err(malformed("an address at a port that may be called"));
        }
        Ok(Self(text.into()))
    }
}

const HOST: &str = "an address with a public host name";

fn malformed(expected: &'static str) -> Violation {
    Violation::Malformed { expected }
}

/// What follows the scheme, and its port.
fn scheme(text: &str, local: bool) -> Result<(&str, u16), Violation> {
    match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => Ok((rest, 443)),
        (None, Some(rest)) if local => Ok((rest, 80)),
        (None, _) if local => Err(malformed("an address that begins with https:// or http://")),
        (None, _) => Err(malformed("an address that begins with https://")),
    }
}

/// Host and port; none if it is neither.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(_) => {
            let (host, rest) = authority.split_at(authority.find(']')? + 1);
            if rest.is_empty() { (host, None) } else { (host, Some(rest.strip_prefix(':')?)) }
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let Some(port) = port else { return Some((host, None)) };
    let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| plain && *port > 0)?;
    Some((host, Some(port)))
}

/// A name in two labels or more that could be public: no address in any notation, no name of a network inside.
fn check_host(host: &str) -> Result<(), Violation> {
    const INSIDE: &[&str] = &[
        "localhost",
        "local",
        "localdomain",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "arpa",
        "test",
        "invalid",
        "example",
        "onion",
        "alt",
        "svc",
        "cluster",
    ];
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    let a_name = labels.len() > 1 && host.len() <= 253 && labels.iter().all(|label| is_label(label));
    let a_number = last.starts_with(|c: char| c.is_ascii_digit());
    if !a_name || a_number || INSIDE.contains(&last) { Err(malformed(HOST)) } else { Ok(()) }
}

/// Letters, digits, inner hyphens; not what stands for letters of other alphabets, which may look like others.
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let edges = label.starts_with('-') || label.ends_with('-');
    (1..=63).contains(&label.len()) && plain && !edges && !label.starts_with("xn--")
}
