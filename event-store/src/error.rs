//! What can go wrong while reading.

/// A read of the log failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database did not answer as asked.
    #[error("the log cannot be read")]
    Database(#[from] sqlx::Error),
    /// A stored event does not have the shape that every event has.
    #[error("the event at position {position} is damaged")]
    Damaged {
        /// Where it stands.
        position: i64,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored receipt cannot be understood.
    #[error("a stored receipt is damaged")]
    DamagedReceipt,
}
