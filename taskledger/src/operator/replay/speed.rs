use std::str::FromStr;
use std::time::Duration;

/// How much faster than it happened; none: as fast as can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Speed(Option<f64>);

/// A pause between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// How long it is.
    pub(super) time: Duration,
    /// Whether it would be longer.
    pub(super) cut: bool,
}

impl Speed {
    /// How long something takes that took so long.
    pub(super) fn of(self, passed: Duration) -> Duration {
        self.0.map_or(Duration::ZERO, |factor| {
            Duration::try_from_secs_f64(passed.as_secs_f64() / factor).unwrap_or(Duration::MAX)
        })
    }

    /// As long as nothing happened, at this speed, but never for ever.
    pub(super) fn pause(self, passed: Duration, longest: Duration) -> Pause {
        let time = self.of(passed);
        Pause { time: time.min(longest), cut: time > longest }
    }
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self(None));
        }
        let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
        factor.map(|factor| Self(Some(factor))).ok_or("expected a number above 0 such as 60, or max")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_may_pass_in_a_second() {
        let minute = Duration::from_secs(60);
        let takes = |speed: &str| speed.parse::<Speed>().map(|speed| speed.of(minute));
        assert_eq!(takes("60"), Ok(Duration::from_secs(1)));
        assert_eq!(takes("0.5"), Ok(Duration::from_secs(120)));
        assert_eq!(takes("max"), Ok(Duration::ZERO));
        assert_eq!(takes("1e-300"), Ok(Duration::MAX));
        for bad in ["0", "-1", "fast", "inf", "NaN", ""] {
            assert!(takes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pauses_are_as_long_as_nothing_happened_up_to_the_longest() {
        let pauses = |speed: &str| {
            let speed: Speed = speed.parse().unwrap();
            [0, 30, 300, 301, 864_000].map(|seconds| {
                let pause = speed.pause(Duration::from_secs(seconds), Duration::from_secs(5));
                (pause.time.as_millis(), pause.cut)
            })
        };
        let cut = (5_000, true);
        assert_eq!(pauses("60"), [(0, false), (500, false), (5_000, false), cut, cut]);
        assert_eq!(pauses("1"), [(0, false), cut, cut, cut, cut]);
        assert_eq!(pauses("max"), [(0, false); 5]);
    }
}
