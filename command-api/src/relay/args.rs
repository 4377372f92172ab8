use clap::Args;
use event_store::stream::StreamConfig;
use service::config::{ByteSize, Span};

/// How much of the log JetStream keeps; older events are read from the log.
#[derive(Args, Clone, Debug)]
pub struct StreamArgs {
    /// How long the stream EVENTS keeps an event, `12h`, `7d`; `0s` for ever.
    #[arg(long, env = "EVENTS_MAX_AGE", value_name = "SPAN", default_value = "7d")]
    pub events_max_age: Span,
    /// How large the stream EVENTS may grow before it drops its oldest events, `512MiB`, `8GiB`; 0 without bound.
    #[arg(long, env = "EVENTS_MAX_BYTES", value_name = "SIZE", default_value = "1GiB")]
    pub events_max_bytes: ByteSize,
    /// On how many servers of a NATS cluster the stream EVENTS is kept.
    #[arg(long, env = "EVENTS_REPLICAS", value_name = "N", default_value_t = 1, value_parser = replicas())]
    pub events_replicas: u8,
}

fn replicas() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=5)
}

impl Default for StreamArgs {
    fn default() -> Self {
        let StreamConfig { max_age, max_bytes, replicas } = StreamConfig::default();
        Self {
            events_max_age: Span(max_age),
            events_max_bytes: ByteSize(max_bytes.unsigned_abs()),
            events_replicas: u8::try_from(replicas).unwrap_or(1),
        }
    }
}

impl StreamArgs {
    /// The stream as configured.
    pub fn config(&self) -> StreamConfig {
        StreamConfig {
            max_age: self.events_max_age.0,
            max_bytes: i64::try_from(self.events_max_bytes.0).unwrap_or(i64::MAX),
            replicas: self.events_replicas.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        stream: StreamArgs,
    }

    #[test]
    fn defaults_are_those_of_the_stream() {
        assert_eq!(Arguments::parse_from(["test"]).stream.config(), StreamConfig::default());
        assert_eq!(StreamArgs::default().config(), StreamConfig::default());
    }
}
