//! One provider of cryptography for TLS in the whole process.

/// Makes ring the provider; calling it again does nothing. Call it before the first connection.
pub fn install() {
    // An error says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
