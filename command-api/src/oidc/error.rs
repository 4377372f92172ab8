//! Why nobody comes in by a provider.

use super::outbound::OutboundError;

/// What a provider says of a refusal is shown, but not at any length.
const MAX_WORDS: usize = 200;

/// Why a login by a provider ends before anybody knows who it is.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Not in the configuration.
    #[error("no such provider")]
    UnknownProvider,
    /// The login was not begun in this browser, was finished before, or takes too long.
    #[error("the login is void")]
    Void,
    /// The provider has sent the browser back without a login.
    #[error("the provider refused: {error}")]
    Refused {
        /// Its code, `access_denied` say.
        error: String,
        /// Its words.
        description: Option<String>,
    },
    /// What the provider has said does not hold.
    #[error("the provider cannot be believed: {0}")]
    NotBelieved(&'static str),
    /// The provider does not answer, or not as the protocol has it.
    #[error("the provider does not do its part: {0}")]
    Unavailable(#[from] OutboundError),
    /// The database did not answer.
    #[error("logins cannot be read or written")]
    Database(#[from] sqlx::Error),
}

impl OidcError {
    /// A provider's refusal, as far as its words can be shown.
    pub(super) fn refused(error: &str, description: Option<&str>) -> Self {
        let shown = |words: &str| words.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        Self::Refused { error: shown(error), description: description.map(shown) }
    }
}
