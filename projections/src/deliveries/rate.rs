//! How many attempts may begin now.

use std::time::Duration;

use tokio::time::Instant;

/// Counts attempts against so many a second; what was not used is good for one second.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: Option<u32>,
    tokens: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self { per_second, tokens: per_second.unwrap_or(0).into(), at: Instant::now() }
    }

    /// Attempts that may begin now.
    pub(super) fn allowance(&mut self) -> usize {
        let Some(most) = self.per_second.map(f64::from) else { return usize::MAX };
        let now = Instant::now();
        self.tokens = (self.tokens + most * (now - self.at).as_secs_f64()).min(most);
        self.at = now;
        // Truncated as it should be: half an attempt is none.
        self.tokens as usize
    }

    /// So many have begun.
    pub(super) fn take(&mut self, begun: usize) {
        self.tokens -= begun as f64;
    }

    /// How long until one more may begin; no time if one may now.
    pub(super) fn wait(&self) -> Duration {
        match self.per_second {
            Some(most) if self.tokens < 1.0 => {
                Duration::from_secs_f64((1.0 - self.tokens) / f64::from(most.max(1)))
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_has_its_share_and_no_more() {
        let mut rate = Rate::new(Some(10));
        assert_eq!(rate.allowance(), 10);
        rate.take(10);
        assert_eq!(rate.allowance(), 0);
        assert_eq!(rate.wait(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(rate.allowance(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(rate.allowance(), 10);
        assert_eq!(Rate::new(None).allowance(), usize::MAX);
    }
}
