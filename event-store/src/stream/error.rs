use crate::LogError;

/// The stream cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// JetStream did not do what was asked, or not in time.
    #[error("JetStream is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody else created the stream first.
    #[error("another process has just created the stream")]
    Busy,
    /// The stream holds sequences that are no positions.
    #[error("the stream is not a copy of a log")]
    Foreign,
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl StreamError {
    pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
