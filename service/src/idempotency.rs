//! What makes two requests with one idempotency key the same request.

use axum::http::Method;
use sha2::{Digest, Sha256};

/// SHA-256 of method, path, sorted query and body bytes, each with its length.
pub fn fingerprint(method: &Method, path: &str, query: Option<&str>, body: &[u8]) -> [u8; 32] {
    let mut pairs: Vec<&str> = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), path.as_bytes(), pairs.join("&").as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_but_the_order_of_parameters() {
        let base = fingerprint(&Method::POST, "/v1/tasks", Some("a=1&b=2"), b"{}");
        assert_eq!(base, fingerprint(&Method::POST, "/v1/tasks", Some("b=2&a=1"), b"{}"));
        for other in [
            fingerprint(&Method::PUT, "/v1/tasks", Some("a=1&b=2"), b"{}"),
            fingerprint(&Method::POST, "/v1/task", Some("sa=1&b=2"), b"{}"),
            fingerprint(&Method::POST, "/v1/tasks", Some("a=1"), b"{}"),
            fingerprint(&Method::POST, "/v1/tasks", Some("a=1&b=2"), b"{ }"),
        ] {
            assert_ne!(base, other);
        }
    }
}
