//! Which process it is, for those who look back at what was answered.

use std::{fs, str::FromStr, sync::Arc};

/// Longest name of a node.
const MAX_NAME: usize = 63;
/// Where Linux says what the machine, or the container, is called.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// A process of a version of the program. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name among those of the installation.
    pub name: Arc<str>,
    /// The version of the program.
    pub version: Arc<str>,
}

impl Node {
    /// A process of this name.
    pub fn named(name: &NodeName) -> Self {
        Self { name: Arc::clone(&name.0), version: Self::version() }
    }

    /// The version of this program.
    pub fn version() -> Arc<str> {
        env!("CARGO_PKG_VERSION").into()
    }
}

/// Named as the machine is.
impl Default for Node {
    fn default() -> Self {
        let said = fs::read_to_string(HOSTNAME).unwrap_or_default();
        let name = said.trim().parse().unwrap_or_else(|InvalidNodeName| NodeName("localhost".into()));
        Self::named(&name)
    }
}

/// Letters, digits, dots, hyphens and underscores, 63 at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName(Arc<str>);

/// The text is no name of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected up to {MAX_NAME} letters, digits, dots, hyphens and underscores")]
pub struct InvalidNodeName;

impl FromStr for NodeName {
    type Err = InvalidNodeName;

    fn from_str(text: &str) -> Result<Self, InvalidNodeName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_name = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(plain);
        if is_name { Ok(Self(text.into())) } else { Err(InvalidNodeName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        let good: NodeName = "command-api-7f9.eu_1".parse().unwrap();
        assert_eq!(&*Node::named(&good).name, "command-api-7f9.eu_1");
        for bad in ["", "two words", "näme", &"x".repeat(64)] {
            assert_eq!(bad.parse::<NodeName>(), Err(InvalidNodeName), "{bad}");
        }
        assert!(!Node::default().name.is_empty());
    }
}
