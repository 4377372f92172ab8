//! What filters ask of audit records: each is an event, or an attempt that left none.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use uuid::Uuid;

use super::{FilterField, Order};
use crate::{ids::TaskKey, time::Timestamp, violation::Violation, words::words};

words! {
    /// What an act does to its target.
    Crud {
        /// Makes it, or adds to it.
        Create = "create",
        /// Looks at it.
        Read = "read",
        /// Changes it.
        Update = "update",
        /// Removes it, or takes from it.
        Delete = "delete",
    }
}

words! {
    /// How an attempt ended.
    RecordOutcome {
        /// Done.
        Success = "success",
        /// Wrong or impossible.
        Failure = "failure",
        /// Not allowed, or not now.
        Denied = "denied",
    }
}

/// Longest word of a condition in bytes.
const MAX_WORD: usize = 100;
/// Longest part of a text that is searched for, in bytes.
const MAX_PART: usize = 200;

/// One condition on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordCondition {
    /// An action that begins so: `task.`, `auth.login`.
    Action(String),
    /// Does that.
    Crud(Crud),
    /// Ended so.
    Outcome(RecordOutcome),
    /// Was refused with this code.
    Code(String),
    /// Was done to this.
    Target(RecordTarget),
    /// Came from there.
    Ip(Network),
    /// Came from a client that calls itself something like that.
    UserAgent(String),
    /// Belongs to this session, or API key.
    Session(Uuid),
    /// Was part of this request.
    Request(Uuid),
    /// Belongs to this intent.
    Correlation(Uuid),
    /// Changed this field.
    Field(String),
    /// Changed a value with this in it, in lower case.
    Old(String),
    /// Changed something to a value with this in it, in lower case.
    New(String),
    /// Has this in any of its texts, in lower case.
    Text(String),
    /// Happened then.
    OccurredAt(Order, Timestamp),
    /// Was recorded then.
    RecordedAt(Order, Timestamp),
}

/// What something was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordTarget {
    /// By its id.
    Id(Uuid),
    /// A task by its key.
    Key(TaskKey),
}

/// Addresses that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The first of them.
    pub first: IpAddr,
    /// The last of them.
    pub last: IpAddr,
}

impl Network {
    /// An address, or a network such as `10.0.0.0/8`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation =
            Violation::Malformed { expected: "an address, or a network such as 10.0.0.0/8" };
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| MALFORMED)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = bits.map_or(Ok(width), str::parse).map_err(|_| MALFORMED)?;
        let host = width.checked_sub(bits).ok_or(MALFORMED)?;
        let rest = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        Ok(match address {
            IpAddr::V4(address) => {
                // At most 32 bits of it are set.
                let rest = rest as u32;
                let first = address.to_bits() & !rest;
                Self {
                    first: Ipv4Addr::from_bits(first).into(),
                    last: Ipv4Addr::from_bits(first | rest).into(),
                }
            }
            IpAddr::V6(address) => {
                let first = address.to_bits() & !rest;
                Self {
                    first: Ipv6Addr::from_bits(first).into(),
                    last: Ipv6Addr::from_bits(first | rest).into(),
                }
            }
        })
    }
}

impl RecordTarget {
    /// An id, or the key of a task.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let key = || text.parse().map(Self::Key);
        let malformed = Violation::Malformed { expected: "a UUID, or the key of a task such as T-123" };
        text.parse().map(Self::Id).or_else(|_| key()).map_err(|_| malformed)
    }
}

impl RecordCondition {
    /// How an action begins; `*` may say that it goes on.
    pub fn action(text: &str) -> Result<Self, Violation> {
        let begins = text.strip_suffix('*').unwrap_or(text);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        if begins.is_empty() || begins.len() > MAX_WORD || !begins.bytes().all(plain) {
            return Err(Violation::Malformed {
                expected: "how an action begins, such as task. or auth.login",
            });
        }
        Ok(Self::Action(begins.to_owned()))
    }

    /// Whether only the record itself says it, and no index: what it changed, and to what.
    pub fn is_of_content(&self) -> bool {
        matches!(self, Self::Field(_) | Self::Old(_) | Self::New(_) | Self::Text(_))
    }

    /// The field that it is about.
    pub fn field(&self) -> FilterField {
        match self {
            Self::Action(_) => FilterField::Action,
            Self::Crud(_) => FilterField::Crud,
            Self::Outcome(_) => FilterField::Outcome,
            Self::Code(_) => FilterField::Code,
            Self::Target(_) => FilterField::Target,
            Self::Ip(_) => FilterField::Ip,
            Self::UserAgent(_) => FilterField::UserAgent,
            Self::Session(_) => FilterField::Session,
            Self::Request(_) => FilterField::Request,
            Self::Correlation(_) => FilterField::Correlation,
            Self::Field(_) => FilterField::Field,
            Self::Old(_) => FilterField::Old,
            Self::New(_) => FilterField::New,
            Self::Text(_) => FilterField::Text,
            Self::OccurredAt(..) => FilterField::OccurredAt,
            Self::RecordedAt(..) => FilterField::RecordedAt,
        }
    }

    /// The same comparison as text.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(begins) => write!(f, "= {begins}"),
            Self::Crud(crud) => write!(f, "= {crud}"),
            Self::Outcome(outcome) => write!(f, "= {outcome}"),
            Self::Code(text)
            | Self::UserAgent(text)
            | Self::Field(text)
            | Self::Old(text)
            | Self::New(text)
            | Self::Text(text) => write!(f, "= {}", super::write::quoted(text)),
            Self::Target(RecordTarget::Id(id)) => write!(f, "= {id}"),
            Self::Target(RecordTarget::Key(key)) => write!(f, "= {key}"),
            Self::Ip(Network { first, last }) if first == last => write!(f, "= {first}"),
            Self::Ip(network) => write!(f, "= {}/{}", network.first, network.bits()),
            Self::Session(id) | Self::Request(id) | Self::Correlation(id) => write!(f, "= {id}"),
            Self::OccurredAt(order, time) | Self::RecordedAt(order, time) => write!(f, "{order} {time}"),
        }
    }
}

impl Network {
    /// How many bits all its addresses have in common.
    fn bits(&self) -> u32 {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits() ^ last.to_bits()).leading_zeros(),
            (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits() ^ last.to_bits()).leading_zeros(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => 0,
        }
    }
}

/// A text of a condition.
pub fn word(text: &str) -> Result<String, Violation> {
    match text.len() {
        0 => Err(Violation::Empty),
        1..=MAX_WORD => Ok(text.to_owned()),
        _ => Err(Violation::TooLong { max: MAX_WORD, unit: crate::violation::Unit::Bytes }),
    }
}

/// A part of a text that is searched for, whatever its case.
pub fn part(text: &str) -> Result<String, Violation> {
    match text.len() {
        0 => Err(Violation::Empty),
        1..=MAX_PART => Ok(text.to_lowercase()),
        _ => Err(Violation::TooLong { max: MAX_PART, unit: crate::violation::Unit::Bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_a_first_and_a_last_address() {
        let ends =
            |text: &str| Network::parse(text).map(|network| format!("{} {}", network.first, network.last));
        assert_eq!(ends("10.1.2.3/8").unwrap(), "10.0.0.0 10.255.255.255");
        assert_eq!(ends("10.1.2.3").unwrap(), "10.1.2.3 10.1.2.3");
        assert_eq!(ends("0.0.0.0/0").unwrap(), "0.0.0.0 255.255.255.255");
        assert_eq!(ends("2001:db8::1/32").unwrap(), "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(ends("::/0").unwrap(), ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        for bad in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::1/129", "10.0.0.0/-1", "x/8"] {
            assert!(ends(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_of_texts_are_asked_for_whatever_their_case_and_of_records_only() {
        use super::super::{Filter, FilterOver};
        let text = "old = \"New Roof\" AND NOT new : SLATE AND text = x";
        let meaning = Filter::parse(text, FilterOver::Records).unwrap().meaning().clone();
        assert!(meaning.is_of_content());
        let written = meaning.to_string();
        assert_eq!(written, "old = \"new roof\" AND NOT new = \"slate\" AND text = \"x\"");
        assert_eq!(*Filter::parse(&written, FilterOver::Records).unwrap().meaning(), meaning);
        for wrong in ["text = \"\"", "old > x", &format!("new = {}", "x".repeat(MAX_PART + 1))] {
            assert!(Filter::parse(wrong, FilterOver::Records).is_err(), "{wrong}");
        }
        for over in [FilterOver::Tasks, FilterOver::Events] {
            assert!(Filter::parse("text = x", over).is_err());
        }
    }
}
