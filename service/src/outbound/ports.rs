//! Ports that may be called.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// One port or a range of them: `443`, `9000-9099`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(RangeInclusive<u16>);

/// The text is no port and no range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a port or a range of ports such as 9000-9099")]
pub struct InvalidPorts;

impl Ports {
    /// From the first to the last.
    pub fn range(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }

    pub(super) fn contain(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self(port..=port)
    }
}

impl FromStr for Ports {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or(InvalidPorts);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = port(first)?..=port(last)?;
        if range.is_empty() { Err(InvalidPorts) } else { Ok(Self(range)) }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.0.start(), self.0.end());
        if first == last { write!(f, "{first}") } else { write!(f, "{first}-{last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_ranges_are_read() {
        let ports: Ports = "9000-9099".parse().unwrap();
        assert!(ports.contain(9000) && ports.contain(9099) && !ports.contain(9100) && !ports.contain(8999));
        assert_eq!(
            ("443".parse::<Ports>().unwrap(), "443"),
            (Ports::from(443), &*Ports::from(443).to_string())
        );
        for bad in ["", "0", "65536", "https", "2-1", "1-", "-1", "1-2-3"] {
            assert_eq!(bad.parse::<Ports>(), Err(InvalidPorts), "{bad}");
        }
    }
}
