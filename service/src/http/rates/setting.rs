//! `RATE_LIMITS`: `read=600/min,write=120/min,login=10/min,refresh=60/min,streams=8`, some of these, or `off`.

use std::{fmt, str::FromStr, time::Duration};

use super::policy::Policy;

/// So many units in so much time; also what can be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) quota: u32,
    pub(super) window: Duration,
}

impl Rate {
    pub(super) fn per_minute(quota: u32) -> Self {
        Self { quota: quota.clamp(1, MAX_QUOTA), window: Duration::from_secs(60) }
    }

    /// The time in which one unit comes back, in nanoseconds.
    pub(super) fn unit(self) -> u64 {
        u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX) / u64::from(self.quota)
    }
}

/// How often clients may ask, or no limit at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits(Option<Limits>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    /// One for each policy.
    rates: [Rate; Policy::ALL.len()],
    /// How many a client may have open at a time.
    streams: u32,
}

/// The text is no setting of rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected off, or some of read=600/min,write=120/min,login=10/min,refresh=60/min,streams=8 (per s, min or h, 1 to 1000000)"
)]
pub struct InvalidRates;

/// Windows by the word that the setting has for them.
const WINDOWS: [(&str, Duration); 3] =
    [("s", Duration::from_secs(1)), ("min", Duration::from_secs(60)), ("h", Duration::from_secs(3600))];
/// Nobody counts further.
const MAX_QUOTA: u32 = 1_000_000;
/// The name of the limit that is no rate.
const STREAMS: &str = "streams";

impl RateLimits {
    /// No limits.
    pub const OFF: Self = Self(None);

    pub(super) fn rate(&self, policy: Policy) -> Option<Rate> {
        self.0.map(|limits| limits.rates[policy as usize])
    }

    pub(super) fn streams(&self) -> Option<u32> {
        self.0.map(|limits| limits.streams)
    }
}

/// By person 600 reads and 120 writes a minute, and 8 streams at a time; by address 10 logins and 60 refreshes.
impl Default for RateLimits {
    fn default() -> Self {
        let quotas = Policy::ALL.map(|policy| match policy {
            Policy::Read => 600,
            Policy::Write => 120,
            Policy::Login => 10,
            Policy::Refresh => 60,
        });
        let rates = quotas.map(|quota| Rate { quota, window: Duration::from_secs(60) });
        Self(Some(Limits { rates, streams: 8 }))
    }
}

impl FromStr for RateLimits {
    type Err = InvalidRates;

    fn from_str(text: &str) -> Result<Self, InvalidRates> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let (mut rates, mut streams) = ([None; Policy::ALL.len()], None);
        for part in text.split(',') {
            let (name, limit) = part.trim().split_once('=').ok_or(InvalidRates)?;
            let twice = if name == STREAMS {
                streams.replace(quota(limit)?).is_some()
            } else {
                let policy = Policy::ALL.into_iter().find(|policy| policy.name() == name);
                rates[policy.ok_or(InvalidRates)? as usize].replace(rate(limit)?).is_some()
            };
            if twice {
                return Err(InvalidRates);
            }
        }
        Ok(Self(Self::default().0.map(|usual| usual.changed(rates, streams))))
    }
}

impl Limits {
    fn changed(self, rates: [Option<Rate>; Policy::ALL.len()], streams: Option<u32>) -> Self {
        let rates = Policy::ALL.map(|policy| rates[policy as usize].unwrap_or(self.rates[policy as usize]));
        Self { rates, streams: streams.unwrap_or(self.streams) }
    }
}

fn rate(text: &str) -> Result<Rate, InvalidRates> {
    let (number, word) = text.split_once('/').ok_or(InvalidRates)?;
    let window = WINDOWS.into_iter().find(|(known, _)| *known == word).ok_or(InvalidRates)?.1;
    Ok(Rate { quota: quota(number)?, window })
}

fn quota(text: &str) -> Result<u32, InvalidRates> {
    text.parse().ok().filter(|quota| (1..=MAX_QUOTA).contains(quota)).ok_or(InvalidRates)
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Limits { rates, streams }) = self.0 else { return f.write_str("off") };
        for (policy, rate) in Policy::ALL.into_iter().zip(rates) {
            let word = WINDOWS.into_iter().find(|(_, window)| *window == rate.window).map_or("", |one| one.0);
            write!(f, "{}={}/{word},", policy.name(), rate.quota)?;
        }
        write!(f, "{STREAMS}={streams}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let default = "read=600/min,write=120/min,login=10/min,refresh=60/min,streams=8";
        assert_eq!(default.parse(), Ok(RateLimits::default()));
        assert_eq!(RateLimits::default().to_string(), default);
        let some: RateLimits = "login=3/h, read=5/s,streams=2".parse().unwrap();
        assert_eq!(some.to_string(), "read=5/s,write=120/min,login=3/h,refresh=60/min,streams=2");
        assert_eq!("off".parse::<RateLimits>().unwrap().to_string(), "off");
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in
            ["", "on", "read", "read=", "read=1", "read=0/s", "read=1000001/s", "read=-1/s", "read=1/day"]
        {
            assert_eq!(bad.parse::<RateLimits>(), Err(InvalidRates), "{bad}");
        }
        for bad in ["streams=0", "streams=8/s", "streams=2,streams=2"] {
            assert_eq!(bad.parse::<RateLimits>(), Err(InvalidRates), "{bad}");
        }
        for bad in ["reads=1/s", "read=1/s,", "read=1/s,read=2/s", "read=1/s;write=1/s", "off,read=1/s"] {
            assert_eq!(bad.parse::<RateLimits>(), Err(InvalidRates), "{bad}");
        }
    }
}
