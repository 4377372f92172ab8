use std::path::PathBuf;

use clap::Args;
use service::config::{SealKeyArgs, Span};

/// How the log is sealed.
#[derive(Args, Clone, Debug)]
pub struct SealArgs {
    /// File to which every seal of the log is appended; best where nobody who may change the database can change it.
    #[arg(long, env = "SEAL_FILE", value_name = "FILE")]
    pub seal_file: Option<PathBuf>,
    /// File to which everybody who is erased is added; best where backups are not, as they are erased again from it.
    #[arg(long, env = "ERASED_FILE", value_name = "FILE")]
    pub erased_file: Option<PathBuf>,
    /// The log is sealed when there are a thousand new events, or the first of them is so old; `0s`: never.
    #[arg(long, env = "SEAL_AFTER", value_name = "SPAN", default_value = "10s")]
    pub seal_after: Span,
    /// Who vouches for it.
    #[command(flatten)]
    pub keys: SealKeyArgs,
}

impl Default for SealArgs {
    fn default() -> Self {
        let pace = event_store::seals::Pace::default();
        Self {
            seal_file: None,
            erased_file: None,
            seal_after: Span(pace.after),
            keys: SealKeyArgs::default(),
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
        seals: SealArgs,
    }

    #[test]
    fn the_default_is_the_pace_of_the_log() {
        assert_eq!(Arguments::parse_from(["test"]).seals.seal_after, SealArgs::default().seal_after);
    }
}
