//! One stream of many that is read closely: when each of its events was recorded.

use chrono::{DateTime, Utc};

const RECORDED: &[u8] = b"\"recordedtime\":\"";
/// A time is not longer.
const TIME: usize = 40;

/// What of a stream has yet to be looked at: a piece may end in the midst of a time.
#[derive(Default)]
pub(super) struct Sample(Vec<u8>);

impl Sample {
    /// How old the events in this piece are now, in microseconds.
    pub(super) fn ages(&mut self, piece: &[u8], mut note: impl FnMut(u64)) {
        let now = Utc::now();
        self.0.extend_from_slice(piece);
        let mut done = 0;
        while let Some(found) = find(&self.0[done..]) {
            let time = done + found + RECORDED.len();
            let Some(length) = self.0[time..].iter().position(|byte| *byte == b'"') else { break };
            let text = std::str::from_utf8(&self.0[time..time + length]).unwrap_or_default();
            if let Ok(recorded) = text.parse::<DateTime<Utc>>() {
                note((now - recorded).num_microseconds().unwrap_or(i64::MAX).max(0).cast_unsigned());
            }
            done = time + length;
        }
        let kept = self.0.len().saturating_sub(RECORDED.len() + TIME).max(done);
        self.0.drain(..kept);
    }
}

fn find(text: &[u8]) -> Option<usize> {
    text.windows(RECORDED.len()).position(|window| window == RECORDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_wherever_a_piece_ends() {
        let text = br#"id: 1\ndata: {"recordedtime":"2026-11-22T01:02:03.000004Z","a":1}id: 2 {"recordedtime":"2026-11-22T01:02:04Z"}"#;
        for length in 1..text.len() {
            let (mut sample, mut found) = (Sample::default(), 0);
            text.chunks(length).for_each(|piece| sample.ages(piece, |_| found += 1));
            assert_eq!(found, 2, "{length}");
        }
    }
}
