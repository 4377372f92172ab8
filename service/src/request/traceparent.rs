//! W3C trace context: the client's trace is continued when its header is well-formed, else a new one begins.

use std::fmt;

/// A trace id and the span of this request in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    trace: u128,
    span: u64,
    flags: u8,
}

impl Traceparent {
    /// A new trace with a new span.
    pub fn generate() -> Self {
        Self { trace: rand::random_range(1..=u128::MAX), span: new_span(), flags: 0 }
    }

    /// The client's trace with a span of our own, or a new trace if the header is absent or malformed.
    pub fn continued(header: Option<&str>) -> Self {
        match header.and_then(Self::parse) {
            Some(parent) => Self { span: new_span(), ..parent },
            None => Self::generate(),
        }
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`: lower case, ids not zero; later versions may have a tail.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 256 {
            return None;
        }
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace = hex(parts.next()?, 32).filter(|trace| *trace != 0)?;
        let span = hex(parts.next()?, 16).filter(|span| *span != 0)?;
        let flags = hex(parts.next()?, 2)?;
        let complete = parts.next().is_none() || version > 0;
        (version != 0xff && complete).then_some(Self { trace, span: span as u64, flags: flags as u8 & 1 })
    }

    /// 32 lower-case hex digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

fn new_span() -> u64 {
    rand::random_range(1..=u64::MAX)
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(lower)).then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_well_formed_header_is_continued_with_a_new_span() {
        assert_eq!(Traceparent::parse(GOOD).unwrap().to_string(), GOOD);
        let ours = Traceparent::continued(Some(GOOD)).to_string();
        assert_eq!(ours[..36], GOOD[..36]);
        assert_ne!(ours, GOOD);
    }

    #[test]
    fn garbage_begins_a_new_trace() {
        let long = format!("{GOOD}-{}", "a".repeat(8192));
        for bad in [
            "",
            "garbage",
            &long,
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Traceparent::parse(bad), None, "{bad}");
            assert!(Traceparent::parse(&Traceparent::continued(Some(bad)).to_string()).is_some());
        }
    }
}
