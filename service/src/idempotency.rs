//! What makes two requests with one idempotency key the same request, and what is kept of the key.

use std::sync::Arc;

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

/// SHA-256 of a key in hexadecimal digits, the same whether the header has it in quotes or without.
pub fn key_hash(header: &[u8]) -> Arc<str> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let quoted = header.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(Sha256::digest(quoted.unwrap_or(header))) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    str::from_utf8(&text).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_its_hash_is_kept() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(&*key_hash(b"abc"), of_abc);
        assert_eq!(&*key_hash(b"\"abc\""), of_abc);
    }

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
