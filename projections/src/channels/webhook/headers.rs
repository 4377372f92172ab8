//! An endpoint's own headers.

use std::fmt;

use service::outbound::header::{HeaderMap, HeaderName, HeaderValue};

const MAX_HEADERS: usize = 20;
/// Bytes of a value.
const MAX_VALUE: usize = 1_024;

/// They say how the message is carried or what it is, which is not the endpoint's to say.
const OURS: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What an endpoint wants to see besides ours, credentials say; never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnHeaders(HeaderMap);

/// Why headers are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// No name of a header.
    #[error("{0:?} is no name of a header")]
    Name(String),
    /// A name that the message itself uses.
    #[error("{0} is set by us")]
    Ours(HeaderName),
    /// The same name again.
    #[error("{0} comes twice")]
    Twice(HeaderName),
    /// Control characters, or too long.
    #[error("the value of {0} cannot be sent")]
    Value(HeaderName),
    /// Too many.
    #[error("more than {MAX_HEADERS} headers")]
    TooMany,
}

impl OwnHeaders {
    /// Parses names and values, as many as may be sent.
    pub fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidHeader> {
        let mut own = HeaderMap::new();
        for (name, value) in headers {
            let (name, value) = header(name, value)?;
            if own.insert(name.clone(), value).is_some() {
                return Err(InvalidHeader::Twice(name));
            }
        }
        if own.len() > MAX_HEADERS { Err(InvalidHeader::TooMany) } else { Ok(Self(own)) }
    }

    /// Their names; the values are secret.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(HeaderName::as_str)
    }

    pub(super) fn to_map(&self) -> HeaderMap {
        self.0.clone()
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), InvalidHeader> {
    let parsed = HeaderName::try_from(name).map_err(|_| InvalidHeader::Name(name.to_owned()))?;
    let prefixes = ["webhook-", "proxy-"];
    if OURS.contains(&parsed.as_str()) || prefixes.iter().any(|prefix| parsed.as_str().starts_with(prefix)) {
        return Err(InvalidHeader::Ours(parsed));
    }
    let sendable = value.len() <= MAX_VALUE && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    match HeaderValue::try_from(value) {
        Ok(mut value) if sendable => {
            value.set_sensitive(true);
            Ok((parsed, value))
        }
        _ => Err(InvalidHeader::Value(parsed)),
    }
}

impl fmt::Debug for OwnHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_to_themselves() {
        let own = OwnHeaders::parse([("Authorization", "Bearer s3cret"), ("x-tenant", "7")]).unwrap();
        assert_eq!(own.names().collect::<Vec<_>>(), ["authorization", "x-tenant"]);
        assert_eq!(format!("{own:?}"), r#"["authorization", "x-tenant"]"#);
    }

    #[test]
    fn nothing_gets_between_the_lines_or_into_our_place() {
        let one = |name: &str, value: &str| OwnHeaders::parse([(name, value)]);
        for name in ["", "a b", "a:b", "a\r\nb", "é"] {
            assert_eq!(one(name, "x"), Err(InvalidHeader::Name(name.to_owned())), "{name:?}");
        }
        for value in ["a\r\nx-evil: 1", "a\nb", "a\0b", "é", "\u{7f}", &"x".repeat(1_025)] {
            assert!(matches!(one("x", value), Err(InvalidHeader::Value(_))), "{value:?}");
        }
        for name in
            ["Host", "content-length", "Transfer-Encoding", "webhook-id", "Webhook-Signature", "proxy-x"]
        {
            assert!(matches!(one(name, "1"), Err(InvalidHeader::Ours(_))), "{name}");
        }
        assert!(matches!(OwnHeaders::parse([("x", "1"), ("X", "2")]), Err(InvalidHeader::Twice(_))));
        let many: Vec<_> = (0..21).map(|n| format!("x-{n}")).collect();
        assert_eq!(OwnHeaders::parse(many.iter().map(|name| (&**name, "1"))), Err(InvalidHeader::TooMany));
    }
}
