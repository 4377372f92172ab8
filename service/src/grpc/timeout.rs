//! `grpc-timeout`: how long a client waits.

use std::time::Duration;

use crate::problem::{Flaw, Problem, Violation};
use axum::http::HeaderMap;

const NAME: &str = "grpc-timeout";
const EXPECTED: &str = "up to eight digits and one of H M S m u n";

/// How long the client waits, if it says so: at most eight digits and a unit.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    parse(text)
        .map(Some)
        .ok_or_else(|| Violation::header(NAME, Flaw::new("MALFORMED").param("expected", EXPECTED)).into())
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_a_unit() {
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse("0n"), Some(Duration::ZERO));
        for bad in ["", "S", "10", "10s", "-1S", "+1S", "123456789S", "1 S", "1초"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
